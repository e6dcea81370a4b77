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

    /// Likeliest tokens reported beside each token at most.
    public static let maximumLogprobs = 20

    /// Sequences that share a pass at most.
    public static let maximumParallel = 256

    public nonisolated let model: ModelDescription
    private let thread: EngineThread
    private let configuration: EngineConfiguration
    let drafting: Drafting
    let verifier: Verifier
    private let sampler: Sampler
    private let scheduler: Scheduler
    private let metrics: EngineMetrics
    private var isRunning = false
    private var isDraining = false
    private var alarm: Task<Void, Never>?
    /// Woken when nothing is left to do.
    private var draining: [CheckedContinuation<Void, Never>] = []

    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// Loads a verifier, and a drafter for it.
    /// - Parameters:
    ///   - path: the verifier, a GGUF file.
    ///   - drafter: where drafts come from.
    ///   - configuration: for all requests.
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
            try configuration.checkRecording(checkpoint, drafter)
            verifier = try Verifier(
                checkpoint, taps: try drafting.taps(of: checkpoint) + configuration.recordedLayers,
                kernels: try Kernels(), pool: pool)
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
        scheduler = Scheduler(
            verifier: verifier, drafting: drafting, prefixes: PrefixCache(limit: configuration.prefixMemory),
            parallel: configuration.parallel)
        metrics = EngineMetrics(model: configuration.modelName ?? model.name, factory: configuration.metrics)
        self.model = model
        self.configuration = configuration
        self.thread = thread
    }

    deinit { thread.stop() }

    private static func check(_ configuration: EngineConfiguration) throws(EngineError) {
        if let threads = configuration.threads, !(1...256).contains(threads) {
            throw EngineError(.invalidRequest, "threads is \(threads), expected 1 to 256")
        }
        guard (1...maximumParallel).contains(configuration.parallel) else {
            throw EngineError(
                .invalidRequest, "parallel is \(configuration.parallel), expected 1 to \(maximumParallel)")
        }
        guard configuration.queue >= 0 else {
            throw EngineError(.invalidRequest, "queue is \(configuration.queue), expected 0 or more")
        }
        guard configuration.prefixMemory >= 0 else {
            throw EngineError(.invalidRequest, "prefix memory is \(configuration.prefixMemory), expected 0 or more")
        }
        if let problem = configuration.speculation.problem { throw EngineError(.invalidRequest, problem) }
    }

    // MARK: Completing

    /// The whole completion at once. When the task is cancelled, what there is so far, with `.cancelled` as its reason.
    /// - Throws: `EngineError`.
    public func complete(_ request: CompletionRequest) async throws -> CompletionResult {
        try await enter(request, isStreamed: false).next()!.result!
    }

    /// The completion as it comes. Several share the engine's passes, and each has the text that it would have alone.
    /// - Throws: `EngineError` when the request cannot be served, before anything is computed.
    public func stream(_ request: CompletionRequest) throws(EngineError) -> CompletionStream {
        CompletionStream(try enter(request, isStreamed: true))
    }

    private func enter(_ request: CompletionRequest, isStreamed: Bool) throws(EngineError) -> Delivery {
        guard !isDraining else { throw EngineError(.shuttingDown, "the engine is being shut down") }
        let generation = try begin(request)
        guard scheduler.waiting.count < configuration.queue || scheduler.active.count < configuration.parallel else {
            throw EngineError(
                .overloaded,
                "\(scheduler.waiting.count) requests wait already, expected fewer than \(configuration.queue)")
        }
        let delivery = Delivery(isStreamed: isStreamed) { [weak self] in
            guard let self else { return }
            Task { await self.goOn() }
        }
        let deadline = request.timeout.map { ContinuousClock.now + $0 }
        let observer = CompletionObserver(metrics, configuration.logger)
        scheduler.add(ActiveCompletion(generation, delivery, observer, deadline: deadline))
        goOn()
        return delivery
    }

    /// Passes are made while there is something to do, and between them the engine listens.
    private func goOn() {
        guard !isRunning else { return }
        isRunning = true
        Task {
            while scheduler.step() {
                metrics.record(scheduler.activity)
                // It goes by way of another thread, which takes a processor from the workers.
                if thread.isWaitedFor { await Task.yield() }
            }
            metrics.record(scheduler.activity)
            isRunning = false
            setAlarm()
            guard scheduler.isIdle else { return }
            for waiting in draining { waiting.resume() }
            draining = []
        }
    }

    /// Completions whose readers do not read end with their time all the same.
    private func setAlarm() {
        alarm?.cancel()
        alarm = scheduler.nextDeadline.map { deadline in
            Task { [weak self] in
                guard (try? await Task.sleep(until: deadline, clock: .continuous)) != nil else { return }
                await self?.goOn()
            }
        }
    }

    /// Refuses what comes from now on as `.shuttingDown`; returns when what came before is done. When the task is
    /// cancelled, that ends with what there is.
    public func drain() async {
        isDraining = true
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiting in
                if scheduler.isIdle { waiting.resume() } else { draining.append(waiting) }
            }
        } onCancel: {
            Task { await stopAll() }
        }
    }

    private func stopAll() {
        scheduler.stopAll()
        goOn()
    }

    /// What the engine is busy with.
    public var activity: EngineActivity { scheduler.activity }

    /// Many completions, as many in shared passes as the configuration allows.
    public nonisolated func completeAll(_ requests: [CompletionRequest]) -> CompletionBatch {
        CompletionBatch(requests, window: configuration.parallel, engine: self)
    }

    func result(of request: CompletionRequest) async -> Result<CompletionResult, EngineError> {
        do {
            return .success(try await complete(request))
        } catch {
            return .failure(error as? EngineError ?? EngineError(.runtime, "\(error)"))
        }
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
        if let count = request.logprobs, !(0...Self.maximumLogprobs).contains(count) {
            throw EngineError(.invalidRequest, "logprobs is \(count), expected 0 to \(Self.maximumLogprobs)")
        }
        let prompt = try tokens(of: request, verifier.tokenizer)
        let context = model.contextLength
        guard prompt.count < context else {
            throw EngineError(
                .contextOverflow, "the prompt has \(prompt.count) tokens, expected fewer than the context of \(context)"
            )
        }
        if let limit = configuration.promptLimit, prompt.count > limit {
            throw EngineError(.contextOverflow, "the prompt has \(prompt.count) tokens, expected at most \(limit)")
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
        let drafter = try drafting.makeDrafter(
            speculation, rule, request.sampling, verifier: verifier, capacity: prompt.count + maximumTokens,
            isCrowded: scheduler.isCrowded)
        let recordsStates = !configuration.recordedLayers.isEmpty
        guard !(recordsStates && drafter != nil) else {
            throw EngineError(.invalidRequest, "speculation is \(speculation), expected none where states are recorded")
        }
        return Generation(
            prompt: prompt, maximumTokens: maximumTokens, options: request.sampling, rule: rule, stops: request.stop,
            logprobs: request.logprobs, depth: speculation.tokens, verifier: verifier, sampler: sampler,
            drafter: drafter, recordsStates: recordsStates)
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
