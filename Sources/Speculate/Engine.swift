import Logging
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// A loaded model, ready to complete text. All its work happens on a thread of its own and that thread's workers.
public actor Engine {
    /// Depths above this never pay: a pass would cost more than the tokens it could bring.
    public static let maximumDepth = 63

    /// Denoising passes of a draft at most.
    public static let maximumPasses = 64

    /// Sequences that share a pass at most.
    public static let maximumParallel = 256

    private static let stepTime = Duration.milliseconds(12)

    public nonisolated let model: ModelDescription
    private let thread: EngineThread
    private let configuration: EngineConfiguration
    let drafting: Drafting
    let verifier: Verifier
    private let sampler: Sampler
    let batch = RowBatch(capacity: Verifier.maximumRows)

    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// Loads a verifier, and a drafter for it.
    /// - Parameters:
    ///   - verifier: path of a GGUF file.
    ///   - drafter: where drafts come from.
    /// - Throws: `EngineError` naming the file and what is wrong with it, or the setting out of range.
    public static func load(
        verifier path: String, drafter: DrafterSource = .promptLookup,
        configuration: EngineConfiguration = EngineConfiguration()
    ) async throws -> Engine {
        try await Loader().load(path, drafter, configuration)
    }

    /// Loads on the engine's own thread, before there is an engine.
    private actor Loader {
        let thread = EngineThread()
        nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

        func load(
            _ path: String, _ drafter: DrafterSource, _ configuration: EngineConfiguration
        ) throws(EngineError) -> Engine {
            let clock = ContinuousClock.now
            do {
                try Engine.check(configuration)
                let checkpoint = try Checkpoint(path: path)
                let pool = WorkerPool(count: configuration.threads ?? Processor.physicalCores)
                let models = try Models(checkpoint, drafter, configuration, pool)
                let verifier = models.verifier
                let model = try ModelDescription(checkpoint, verifier, configuration)
                configuration.logger.debug(
                    "loaded",
                    metadata: [
                        "verifier": "\(path)", "seconds": "\((ContinuousClock.now - clock) / .seconds(1))",
                        "kernels": "\(verifier.kernels.name)", "threads": "\(pool.count)",
                    ])
                return Engine(models, model, configuration, thread)
            } catch {
                thread.stop()
                throw EngineError(error, path: path)
            }
        }
    }

    /// A verifier and what drafts for it.
    private struct Models {
        let verifier: Verifier
        let drafting: Drafting

        init(
            _ checkpoint: Checkpoint, _ drafter: DrafterSource, _ configuration: EngineConfiguration, _ pool: WorkerPool
        ) throws {
            drafting = try Drafting(drafter)
            verifier = try Verifier(
                checkpoint, taps: try drafting.taps(of: checkpoint), kernels: try Kernels(), pool: pool)
            try drafting.load(for: verifier)
        }
    }

    private init(
        _ models: sending Models, _ model: ModelDescription,
        _ configuration: EngineConfiguration, _ thread: EngineThread
    ) {
        verifier = models.verifier
        drafting = models.drafting
        sampler = Sampler(vocabularySize: verifier.config.vocabulary, kernels: verifier.kernels.table)
        self.model = model
        self.configuration = configuration
        self.thread = thread
    }

    deinit { thread.stop() }

    private static func check(_ configuration: EngineConfiguration) throws(EngineError) {
        if let threads = configuration.threads, !(1...256).contains(threads) {
            throw EngineError(.invalidRequest, "threads is \(threads), expected 1 to 256")
        }
        if let problem = configuration.speculation.problem { throw EngineError(.invalidRequest, problem) }
    }

    // MARK: Completing

    /// The whole completion at once. When the task is cancelled, what there is so far, with `.cancelled` as its reason.
    /// - Throws: `EngineError`.
    public func complete(_ request: CompletionRequest) async throws -> CompletionResult {
        var result: CompletionResult?
        for try await delta in try stream(request) { result = delta.result ?? result }
        return result!
    }

    /// The completion as it comes. Work is done when the reader asks for the next delta, so a slow reader slows its own
    /// completion alone; dropping the stream drops the work.
    /// - Throws: `EngineError` when the request cannot be served, before anything is computed.
    public func stream(_ request: CompletionRequest) throws(EngineError) -> CompletionStream {
        CompletionStream(engine: self, active: CompletionStream.Active(try begin(request)))
    }

    /// One step of a stream: the first token at once, then what a few milliseconds bring, so that passing from this
    /// thread to the reader's costs little.
    func advance(_ active: CompletionStream.Active) throws(EngineError) -> CompletionDelta {
        let generation = active.generation
        let deadline = generation.hasBegun ? ContinuousClock.now + Self.stepTime : nil
        var pieces: [CompletionDelta.Piece] = []
        while generation.result == nil {
            pieces += active.shouldStop || Task.isCancelled ? generation.cancel() : try generation.advance(batch)
            guard let deadline, ContinuousClock.now < deadline else {
                if pieces.isEmpty { continue }
                break
            }
        }
        if generation.result != nil { drafting.finish(generation.drafter) }
        return CompletionDelta(pieces: pieces, result: generation.result)
    }

    /// Many completions, up to `parallel` of them in shared passes, which read the weights once for all. Each gets the
    /// text that it would get alone.
    /// - Throws: `EngineError` when `parallel` is out of range. What is wrong with one request is that one's result.
    public func completeAll(_ requests: [CompletionRequest], parallel: Int) throws(EngineError) -> CompletionBatch {
        guard (1...Self.maximumParallel).contains(parallel) else {
            throw EngineError(.invalidRequest, "parallel is \(parallel), expected 1 to \(Self.maximumParallel)")
        }
        return CompletionBatch(engine: self, run: BatchRun(requests, parallel: parallel))
    }

    /// Passes until at least one completion of the batch has ended; none when all have.
    func advance(_ run: BatchRun) -> [CompletionBatch.Element] {
        while !run.isDone, !run.shouldStop, !Task.isCancelled {
            run.admit { request throws(EngineError) in try begin(request) }
            run.step(batch, verifier)
            let finished = run.takeFinished()
            if !finished.isEmpty { return finished }
        }
        return run.takeFinished()
    }

    private func begin(_ request: CompletionRequest) throws(EngineError) -> Generation {
        let speculation = request.speculation ?? configuration.speculation
        if let problem = speculation.problem { throw EngineError(.invalidRequest, problem) }
        if let problem = request.sampling.problem(vocabularySize: verifier.config.vocabulary) {
            throw EngineError(.invalidRequest, problem)
        }
        let isGreedy = request.sampling.temperature == 0
        let rule = isGreedy ? .greedy : request.acceptance ?? configuration.acceptance
        if rule == .greedy, !isGreedy {
            throw EngineError(
                .invalidRequest,
                "acceptance is greedy at temperature \(request.sampling.temperature), expected match, coupled, rejection or block"
            )
        }
        if request.stop.contains("") {
            throw EngineError(.invalidRequest, "a stop text is empty, expected at least one character")
        }
        let prompt = try tokens(of: request, verifier.tokenizer)
        let context = model.contextLength
        guard prompt.count < context else {
            throw EngineError(
                .contextOverflow, "the prompt has \(prompt.count) tokens, expected fewer than the context of \(context)"
            )
        }
        let room = context - prompt.count
        let maximumTokens = request.maximumTokens ?? room
        guard maximumTokens >= 1 else {
            throw EngineError(.invalidRequest, "maximum tokens is \(maximumTokens), expected 1 or more")
        }
        guard maximumTokens <= room else {
            throw EngineError(
                .contextOverflow,
                "the prompt's \(prompt.count) tokens and an answer of up to \(maximumTokens) exceed the context of \(context)"
            )
        }
        return Generation(
            prompt: prompt, maximumTokens: maximumTokens, options: request.sampling, rule: rule, stops: request.stop,
            depth: speculation.tokens, verifier: verifier, sampler: sampler,
            drafter: try drafting.makeDrafter(
                speculation, rule, request.sampling, verifier: verifier, capacity: prompt.count + maximumTokens))
    }

    func tokens(of request: CompletionRequest, _ tokenizer: Tokenizer) throws(EngineError) -> [Int32] {
        let tokens: [Int32]
        switch request.prompt {
        case .text(let text):
            tokens = tokenizer.encode(text, parsingSpecial: request.parsesControlTokens, addingBegin: true)
        case .bytes(let bytes):
            tokens = tokenizer.encode(bytes, parsingSpecial: request.parsesControlTokens, addingBegin: true)
        case .tokens(let ids):
            if let wrong = ids.first(where: { !(0..<Int32(tokenizer.vocabularySize)).contains($0) }) {
                throw EngineError(
                    .invalidRequest, "the prompt holds token \(wrong), expected 0 to \(tokenizer.vocabularySize - 1)")
            }
            tokens = ids
        case .chat(let messages):
            tokens = try chatTokens(messages, tokenizer)
        }
        guard !tokens.isEmpty else {
            throw EngineError(.invalidRequest, "the prompt is empty, expected at least one token")
        }
        return tokens
    }

    private func chatTokens(_ messages: [ChatMessage], _ tokenizer: Tokenizer) throws(EngineError) -> [Int32] {
        let formats = EngineConfiguration.ChatFormat.allCases.map { "'\($0.rawValue)'" }.joined(separator: " or ")
        var template = tokenizer.chatTemplate
        if let format = configuration.chatFormat.flatMap({ ChatTemplate.Format(rawValue: $0.rawValue) }),
            template?.format != format
        {
            template = ChatTemplate(format: format)
        }
        guard let template else {
            throw EngineError(
                .unsupportedChatTemplate,
                "the checkpoint's chat template is missing or not one of the known ones; say which to use: \(formats)")
        }
        let roles = ["system", "user", "assistant"]
        if let wrong = messages.first(where: { !roles.contains($0.role) }) {
            throw EngineError(
                .invalidRequest, "a message has the role '\(wrong.role)', expected \(roles.joined(separator: ", "))")
        }
        do throws(CheckpointError) {
            return try tokenizer.encode(template.render(messages.map { ($0.role, $0.content) }))
        } catch {
            throw EngineError(.unsupportedChatTemplate, error.description)
        }
    }
}
