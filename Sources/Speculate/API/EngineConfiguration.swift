import Logging
import Metrics
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// How an engine is set up.
public struct EngineConfiguration: Sendable {
    /// What spans and metrics call the model; nil takes the checkpoint's own name.
    public var modelName: String?
    /// Threads that compute; nil takes one per physical core.
    public var threads: Int?
    /// The most tokens of prompt and answer together; nil takes the model's own limit. Where a file has other rotations
    /// for long texts (LongRoPE: Phi-3 with 128k), nil takes the length up to which those for short ones hold; all texts
    /// of a longer context are computed with those for long ones.
    public var contextLength: Int?
    /// The most tokens of a prompt; nil: what the context holds.
    public var promptLimit: Int?
    /// What is drafted, unless the request says otherwise.
    public var speculation: Speculation
    /// How drafts are judged above temperature 0, unless the request says otherwise.
    public var acceptance: AcceptanceRule
    /// Completions that share passes; further ones wait.
    public var parallel: Int
    /// Completions that may wait; further ones are refused as `.overloaded`.
    public var queue: Int
    /// Completions of one client, in progress or waiting; further ones are refused as `.clientOverloaded`. A client with a
    /// name never has more than there are places left for others.
    public var clientShare: Int?
    /// Bytes of memory for the beginnings of earlier requests, which later ones need not compute again; 0 for none.
    public var prefixMemory: Int
    /// Bytes of memory for the texts of earlier requests, which later ones like them are drafted from; 0 for none.
    public var textMemory: Int
    /// A file in which these texts are kept across processes, one at a time; nil: they are forgotten with the engine.
    public var textMemoryFile: String?
    /// How keys and values are held.
    public var cacheFormat: KVCacheFormat
    /// Takes the place of the checkpoint's chat template.
    public var chatFormat: ChatFormat?
    /// Variables for the chat template, such as `enable_thinking`, unless the request says otherwise.
    public var templateVariables: [String: ChatValue] = [:]
    public var logger: Logger
    /// Where counts and times go.
    public var metrics: any MetricsFactory
    /// Called with the fraction of the model's weights that is loaded, 0 to 1, on the thread that loads them.
    public var onLoading: (@Sendable (Double) -> Void)?
    /// Layers after which the residual stream is kept with every result, for training a drafter; none: nothing is kept.
    package var recordedLayers: [Int] = []
    /// What is done with `textMemoryFile`.
    package var textMemoryUse = TextMemoryUse.keep
    /// Makes what improves the drafter while nobody asks; nil: it stays as it is.
    package var learner:
        (
            @Sendable (Verifier, BlockDiffusionModel, _ drafterPath: String, _ verifierPath: String) throws
                -> any IdleLearner
        )?

    public init(
        modelName: String? = nil, threads: Int? = nil, contextLength: Int? = nil, promptLimit: Int? = nil,
        speculation: Speculation = .adaptive, acceptance: AcceptanceRule = .coupled, parallel: Int = 16,
        queue: Int = 256, clientShare: Int? = nil, prefixMemory: Int = 128 << 20,
        textMemory: Int = 64 << 20,
        cacheFormat: KVCacheFormat = .f16, chatFormat: ChatFormat? = nil,
        logger: Logger = Logger(label: "speculate"), metrics: any MetricsFactory = MetricsSystem.factory
    ) {
        self.modelName = modelName
        self.threads = threads
        self.contextLength = contextLength
        self.promptLimit = promptLimit
        self.speculation = speculation
        self.acceptance = acceptance
        self.parallel = parallel
        self.queue = queue
        self.clientShare = clientShare
        self.prefixMemory = prefixMemory
        self.textMemory = textMemory
        self.cacheFormat = cacheFormat
        self.chatFormat = chatFormat
        self.logger = logger
        self.metrics = metrics
    }

    /// The first setting out of range, in words that begin with its name; nil when all are sound.
    public func problem() -> String? {
        let numbers: [(name: String, value: Int?, range: ClosedRange<Int>)] = [
            ("threads", threads, 1...256), ("context", contextLength, 2...1 << 20),
            ("max_prompt", promptLimit, 1...1 << 30), ("parallel", parallel, 1...Engine.maximumParallel),
            ("queue", queue, 0...Engine.maximumQueue), ("client_share", clientShare, 1...Engine.maximumQueue),
            ("prefix_memory", prefixMemory, 0...1 << 40), ("text_memory", textMemory, 0...1 << 40),
        ]
        for (name, value, range) in numbers {
            guard let value, !range.contains(value) else { continue }
            return "\(name) is \(value), expected \(range.lowerBound) to \(range.upperBound)"
        }
        return speculation.problem ?? ChatTemplate.problem(templateVariables)
    }
}
