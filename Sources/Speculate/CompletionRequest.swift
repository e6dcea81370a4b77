import SpeculateShared

public typealias SamplingOptions = SpeculateShared.SamplingOptions

/// What to complete, and how.
public struct CompletionRequest: Sendable {
    public enum Prompt: Sendable {
        /// Text to go on from, as it stands.
        case text(String)
        /// The same for bytes that need not be UTF-8.
        case bytes([UInt8])
        /// Token ids.
        case tokens([Int32])
        /// A conversation for the chat template; the assistant answers.
        case chat([ChatMessage])
    }

    public var prompt: Prompt
    /// The most tokens of the answer; nil fills the context.
    public var maximumTokens: Int?
    public var sampling: SamplingOptions
    /// The answer ends before the first of these texts.
    public var stop: [String]
    /// What is drafted; nil takes the engine's.
    public var speculation: Speculation?
    /// How drafts are judged above temperature 0; nil takes the engine's.
    public var acceptance: AcceptanceRule?
    /// Reports log probabilities of the answer's tokens, each with those of so many likeliest tokens, 0 to 20; nil: none.
    public var logprobs: Int?
    /// The completion ends with what it has when this time, from the request on, is up; nil: never.
    public var timeout: Duration?
    /// Whether control tokens written out in a text prompt become those tokens. Never so for chat messages.
    public var parsesControlTokens: Bool

    public init(
        _ prompt: Prompt, maximumTokens: Int? = nil, sampling: SamplingOptions = SamplingOptions(), stop: [String] = [],
        speculation: Speculation? = nil, acceptance: AcceptanceRule? = nil, logprobs: Int? = nil,
        timeout: Duration? = nil, parsesControlTokens: Bool = false
    ) {
        self.prompt = prompt
        self.maximumTokens = maximumTokens
        self.sampling = sampling
        self.stop = stop
        self.speculation = speculation
        self.acceptance = acceptance
        self.logprobs = logprobs
        self.timeout = timeout
        self.parsesControlTokens = parsesControlTokens
    }
}
