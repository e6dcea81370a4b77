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
    /// Completions that share passes; further ones wait.
    public var parallel: Int
    /// Completions that may wait; further ones are refused as `.overloaded`.
    public var queue: Int
    /// Bytes of memory for the beginnings of earlier requests, which later ones need not compute again; 0 for none.
    public var prefixMemory: Int
    /// Takes the place of the checkpoint's chat template.
    public var chatFormat: ChatFormat?
    public var logger: Logger

    public init(
        threads: Int? = nil, contextLength: Int? = nil, speculation: Speculation = .adaptive,
        acceptance: AcceptanceRule = .coupled, parallel: Int = 16, queue: Int = 256, prefixMemory: Int = 128 << 20,
        chatFormat: ChatFormat? = nil,
        logger: Logger = Logger(label: "speculate")
    ) {
        self.threads = threads
        self.contextLength = contextLength
        self.speculation = speculation
        self.acceptance = acceptance
        self.parallel = parallel
        self.queue = queue
        self.prefixMemory = prefixMemory
        self.chatFormat = chatFormat
        self.logger = logger
    }
}
