/// A finished completion.
public struct CompletionResult: Equatable, Sendable {
    public enum FinishReason: Equatable, Sendable {
        /// The model ended its text.
        case endOfText
        /// This stop text occurred; it is not part of the answer.
        case stop(String)
        /// The answer reached its maximum number of tokens.
        case length
        /// The answer repeated itself, and the request asked to end there.
        case loop
        /// The task was cancelled or the stream stopped.
        case cancelled
        /// The request timed out.
        case deadline

        /// One word, for logs and programs.
        public var name: String {
            switch self {
            case .endOfText: "end_of_text"
            case .stop: "stop"
            case .length: "length"
            case .loop: "loop"
            case .cancelled: "cancelled"
            case .deadline: "deadline"
            }
        }
    }

    public var text: String
    /// The prompt's tokens, including those of a chat template.
    public var promptTokens: [Int32]
    /// The answer's tokens, including an end token.
    public var tokens: [Int32]
    public var finishReason: FinishReason
    /// For each of the prompt's tokens, nil for the first, which follows nothing; empty unless asked for.
    public var promptLogprobs: [TokenLogprobs?] = []
    public var statistics: CompletionStatistics
    /// The recorded hidden states, if the engine was asked to record them.
    package var recorded: RecordedHiddenStates?
}
