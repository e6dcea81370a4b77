/// A text that was written by diffusion alone.
public struct DiffusionResult: Equatable, Sendable {
    public var text: String
    /// Including an end token.
    public var tokens: [Int32]
    public var blocks: Int
    /// Passes of the drafter over all blocks.
    public var passes: Int
    public var finishReason: CompletionResult.FinishReason
    /// Since the first block began.
    public var duration: Duration
}
