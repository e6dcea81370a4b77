/// A finished completion.
public struct CompletionResult: Equatable, Sendable {
    public enum FinishReason: Equatable, Sendable {
        /// The model ended its text.
        case endOfText
        /// This stop text came up; it is not part of the answer.
        case stop(String)
        /// The answer has as many tokens as allowed.
        case length
        /// It went round in circles, and was to end there.
        case loop
        /// The task was cancelled or the stream stopped.
        case cancelled
        /// The request's time was up.
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
    /// The prompt's tokens, a chat template's included.
    public var promptTokens: [Int32]
    /// The answer's tokens, an end token included.
    public var tokens: [Int32]
    public var finishReason: FinishReason
    /// Of each of the prompt's tokens, nil of the first, which follows from nothing; empty where not asked for.
    public var promptLogprobs: [TokenLogprobs?] = []
    public var statistics: CompletionStatistics
    /// Where the engine was to record them.
    package var recorded: RecordedStates?
}
