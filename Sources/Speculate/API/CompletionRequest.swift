import SpeculateShared

/// What to complete, and how.
public struct CompletionRequest: Sendable {
    public enum Prompt: Equatable, Sendable {
        /// Text to continue as is.
        case text(String)
        /// Bytes to continue, which need not be UTF-8.
        case bytes([UInt8])
        /// Token ids.
        case tokens([Int32])
        /// A conversation for the chat template: the assistant answers, or continues a last turn of its own.
        case chat([ChatMessage])
    }

    /// The most stop texts of a request.
    public static let maximumStops = 16
    /// The most UTF-8 bytes of a stop text.
    public static let maximumStopBytes = 1024

    public var prompt: Prompt
    /// Variables for the chat template, such as `enable_thinking`, beside and above the engine's. A template takes no
    /// notice of those that it does not know.
    public var templateVariables: [String: ChatValue] = [:]
    /// The most tokens of the answer; nil, or more than there is room for, fills the context.
    public var maximumTokens: Int?
    public var sampling: SamplingOptions
    /// The answer ends before the first occurrence of any of these texts: up to 16, each of 1 to 1024 bytes.
    public var stop: [String]
    /// Ends the answer, with `.loop`, when it has repeated a sequence of up to 48 tokens three times in a row, 12
    /// tokens or more in all.
    public var endsLoops: Bool
    /// What to draft; nil for the engine's default.
    public var speculation: Speculation?
    /// How to judge drafts above temperature 0; nil for the engine's default.
    public var acceptance: AcceptanceRule?
    /// A rule of your own, in place of `acceptance`: used above temperature 0, for drafts drawn as for `.rejection`.
    public var customAcceptance: (any Acceptance)?
    /// Reports log probabilities of the answer's tokens, each with those of this many likeliest tokens, 0 to 20; nil:
    /// none.
    public var logprobs: Int?
    /// Also reports the prompt's tokens, as `CompletionResult.promptLogprobs`; requires `logprobs`. The whole prompt is
    /// then computed, ignoring cached prefixes, and `maximumTokens` may be 0.
    public var promptLogprobs: Bool
    /// Reports every round, as `CompletionDelta.Piece.rounds`.
    public var reportsRounds: Bool
    /// Ends the completion with what it has this long after the request; nil: never.
    public var timeout: Duration?
    /// Whether control tokens spelled out in a text prompt become those tokens. They never do in chat messages.
    public var parsesControlTokens: Bool
    /// Who is asking, in an engine with several clients. A client cannot find out, not even from response times, what
    /// other clients' prompts have in common with its own; passes and slots are divided among clients. nil is a client
    /// too.
    public var client: String?
    /// Isolates this request further: only requests of the same client with the same salt share cached prefixes.
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

    /// Describes the first setting that no engine accepts, starting with its name; nil if all are valid.
    /// - Parameter vocabularySize: nil if not known yet.
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
