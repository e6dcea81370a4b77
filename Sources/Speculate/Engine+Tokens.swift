import SpeculateShared

extension Engine {
    /// A prompt as the model reads it: what its chat format adds is among the tokens.
    /// - Parameters:
    ///   - prompt: in any of its kinds.
    ///   - parsesControlTokens: whether control tokens written out in a text become those tokens.
    /// - Throws: `EngineError` where a completion of it would be refused.
    public nonisolated func tokens(
        of prompt: CompletionRequest.Prompt, parsesControlTokens: Bool = false
    ) async throws(EngineError) -> [Int32] {
        try await intake.tokens(of: CompletionRequest(prompt, parsesControlTokens: parsesControlTokens))
    }

    /// The text that tokens stand for, control tokens written out. Bytes that are no UTF-8 become U+FFFD.
    /// - Throws: `EngineError` naming a token that is not in the vocabulary.
    public nonisolated func text(of tokens: [Int32]) throws(EngineError) -> String {
        try reader.text(of: tokens)
    }
}
