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
    /// What is drafted, unless the request says otherwise.
    public var speculation: Speculation
    /// How drafts are judged above temperature 0, unless the request says otherwise.
    public var acceptance: AcceptanceRule
    /// Takes the place of the checkpoint's chat template.
    public var chatFormat: ChatFormat?
    public var logger: Logger

    public init(
        threads: Int? = nil, contextLength: Int? = nil, speculation: Speculation = .adaptive,
        acceptance: AcceptanceRule = .coupled, chatFormat: ChatFormat? = nil,
        logger: Logger = Logger(label: "speculate")
    ) {
        self.threads = threads
        self.contextLength = contextLength
        self.speculation = speculation
        self.acceptance = acceptance
        self.chatFormat = chatFormat
        self.logger = logger
    }
}
