import Logging
import SpeculateShared

/// How an engine is set up.
public struct EngineConfiguration: Sendable {
    public enum ChatFormat: String, Sendable, CaseIterable {
        case chatml
        case llama3 = "llama-3"
    }

    /// Threads that compute; nil takes one a physical core.
    public var threads: Int?
    /// The most tokens of prompt and answer together; nil takes the model's own limit.
    public var contextLength: Int?
    /// The most tokens drafted a round, unless the request says otherwise.
    public var depth: Int
    /// Denoising passes of a block diffusion drafter, 1 to 64: more make better drafts and take longer.
    public var passes: Int
    /// How drafts are judged above temperature 0, unless the request says otherwise.
    public var acceptance: AcceptanceRule
    /// Takes the place of the checkpoint's chat template.
    public var chatFormat: ChatFormat?
    public var logger: Logger

    public init(
        threads: Int? = nil, contextLength: Int? = nil, depth: Int = 8, passes: Int = 1,
        acceptance: AcceptanceRule = .coupled, chatFormat: ChatFormat? = nil, logger: Logger = Logger(label: "speculate")
    ) {
        self.threads = threads
        self.contextLength = contextLength
        self.depth = depth
        self.passes = passes
        self.acceptance = acceptance
        self.chatFormat = chatFormat
        self.logger = logger
    }
}
