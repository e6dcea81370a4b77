import Speculate

/// What a user brings to learn from.
package enum AdaptationText: Equatable, Sendable {
    /// Text of the kind that will be continued.
    case text(String)
    /// A prompt and the answer that the model gave.
    case answered(CompletionRequest.Prompt, Answer)

    package enum Answer: Equatable, Sendable {
        case text(String)
        case tokens([Int32])
    }
}
