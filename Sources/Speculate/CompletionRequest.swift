import SpeculateShared

public typealias SamplingOptions = SpeculateShared.SamplingOptions
public typealias SamplingDefaults = SpeculateShared.SamplingDefaults

/// What to complete, and how.
public struct CompletionRequest: Sendable {
    public enum Prompt: Equatable, Sendable {
        /// Text to continue, as it stands.
        case text(String)
        /// The same for bytes that need not be UTF-8.
        case bytes([UInt8])
        /// Token ids.
        case tokens([Int32])
        /// A conversation for the chat template: the assistant answers, or continues a last turn of its own.
        case chat([ChatMessage])
    }

    /// Stop texts of one request at most.
    public static let maximumStops = 16
    /// UTF-8 bytes of a stop text at most.
    public static let maximumStopBytes = 1024

    public var prompt: Prompt
    /// The most tokens of the answer; nil fills the context, and so does more than there is room for.
    public var maximumTokens: Int?
    public var sampling: SamplingOptions
    /// The answer ends before the first of these texts: up to 16, each of 1 to 1024 bytes.
    public var stop: [String]
    /// The answer ends, with `.loop`, where it has said one piece of up to 48 tokens three times in a row, and 12 tokens
    /// at least.
    public var endsLoops: Bool
    /// What is drafted; nil takes the engine's.
    public var speculation: Speculation?
    /// How drafts are judged above temperature 0; nil takes the engine's.
    public var acceptance: AcceptanceRule?
    /// Reports log probabilities of the answer's tokens, each with those of so many likeliest tokens, 0 to 20; nil: none.
    public var logprobs: Int?
    /// Reports the prompt's tokens too, as `CompletionResult.promptLogprobs`; not without `logprobs`. The prompt is computed
    /// anew then, and `maximumTokens` may be 0.
    public var promptLogprobs: Bool
    /// Reports every round, as `CompletionDelta.Piece.rounds`.
    public var reportsRounds: Bool
    /// The completion ends with what it has when this time, from the request on, is up; nil: never.
    public var timeout: Duration?
    /// Whether control tokens written out in a text prompt become those tokens. Never so for chat messages.
    public var parsesControlTokens: Bool
    /// Who asks, where an engine serves several: nobody is told, not even by how long an answer takes, what another one's
    /// prompts have in common with theirs, and passes and places are shared out among them. nil is a client too.
    public var client: String?
    /// Sets this request further apart: only requests of the same client with the same salt share what was computed.
    public var cacheSalt: String?

    public init(
        _ prompt: Prompt, maximumTokens: Int? = nil, sampling: SamplingOptions = SamplingOptions(), stop: [String] = [],
        endsLoops: Bool = false, speculation: Speculation? = nil, acceptance: AcceptanceRule? = nil,
        logprobs: Int? = nil,
        promptLogprobs: Bool = false, reportsRounds: Bool = false, timeout: Duration? = nil,
        parsesControlTokens: Bool = false,
        client: String? = nil, cacheSalt: String? = nil
    ) {
        self.prompt = prompt
        self.maximumTokens = maximumTokens
        self.sampling = sampling
        self.stop = stop
        self.endsLoops = endsLoops
        self.speculation = speculation
        self.acceptance = acceptance
        self.logprobs = logprobs
        self.promptLogprobs = promptLogprobs
        self.reportsRounds = reportsRounds
        self.timeout = timeout
        self.parsesControlTokens = parsesControlTokens
        self.client = client
        self.cacheSalt = cacheSalt
    }

    /// The first setting that no engine takes, in words that begin with its name; nil when all are sound.
    /// - Parameter vocabularySize: nil where it is not known yet.
    public func problem(vocabularySize: Int? = nil) -> String? {
        if let problem = sampling.problem(vocabularySize: vocabularySize) ?? speculation?.problem { return problem }
        let least = promptLogprobs ? 0 : 1
        if let maximumTokens, maximumTokens < least {
            return "max_tokens is \(maximumTokens), expected \(least) or more"
        }
        if promptLogprobs, logprobs == nil { return "prompt_logprobs is true, expected false without logprobs" }
        if let logprobs, !(0...Engine.maximumLogprobs).contains(logprobs) {
            return "logprobs is \(logprobs), expected 0 to \(Engine.maximumLogprobs)"
        }
        if stop.count > Self.maximumStops {
            return "stop has \(stop.count) texts, expected at most \(Self.maximumStops)"
        }
        for text in stop where !(1...Self.maximumStopBytes).contains(text.utf8.count) {
            return "stop holds a text of \(text.utf8.count) bytes, expected 1 to \(Self.maximumStopBytes)"
        }
        return nil
    }
}
