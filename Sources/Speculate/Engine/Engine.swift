import Logging
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// A loaded model, ready to complete text. All its work happens on a thread of its own and that thread's workers.
public actor Engine {
    /// Depths above this never pay: a pass would cost more than the tokens it could bring.
    public static let maximumDepth = 63

    /// The most denoising passes of a draft.
    public static let maximumPasses = 64

    /// The most likeliest tokens reported beside each token.
    public static let maximumLogprobs = 20

    /// The most sequences that share a pass.
    public static let maximumParallel = 256

    /// The most sequences that wait.
    public static let maximumQueue = 1_000_000

    public nonisolated let model: ModelDescription
    /// What it drafts with, resolved.
    nonisolated let drafter: DrafterSource
    /// The shape of its diffusion drafter, if it has one.
    nonisolated let drafterConfig: DrafterConfig?
    /// What its drafter's file holds, if it has one.
    nonisolated let drafterKind: DrafterKind?
    private let thread: SerialThread
    nonisolated let configuration: EngineConfiguration
    let drafters: DrafterFactory
    let verifier: Verifier
    private let sampler: Sampler
    private let scheduler: Scheduler
    private let metrics: EngineMetrics
    nonisolated let admission: Admission
    /// Counts texts written by diffusion besides: each has caches of its own from its beginning to its end.
    nonisolated let diffusions: Admission
    nonisolated let reader: PromptReader
    nonisolated let preparation: RequestPreparation
    /// Whether passes are being made.
    private(set) var isRunning = false
    private(set) var isDraining = false
    private var isLearning = false
    /// How often everything in progress was ended.
    private(set) var stopCount = 0
    var turns = DiffusionTurns()
    /// When the texts of requests were last written to their file.
    private var saved = ContinuousClock.now
    private var alarm: Task<Void, Never>?
    /// Resumed when nothing is left to do.
    private var draining: [CheckedContinuation<Void, Never>] = []

    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init(_ loaded: sending LoadedModels, _ configuration: EngineConfiguration, _ thread: SerialThread) {
        let verifier = loaded.verifier
        self.verifier = verifier
        drafters = loaded.drafters
        drafter = loaded.source
        drafterConfig = loaded.drafters.model?.diffusion?.config
        drafterKind = loaded.drafters.model?.kind
        model = loaded.description
        sampler = Sampler(vocabularySize: verifier.config.vocabulary, kernels: verifier.kernels.table)
        scheduler = Scheduler(
            verifier: verifier, drafters: loaded.drafters, prefixes: PrefixCache(limit: configuration.prefixMemory),
            parallel: configuration.parallel)
        metrics = EngineMetrics(model: configuration.modelName ?? model.name, factory: configuration.metrics)
        let limit = configuration.parallel + configuration.queue
        admission = Admission(limit: limit, share: configuration.clientShare ?? limit)
        diffusions = Admission(
            of: "texts by diffusion", limit: configuration.parallel, share: configuration.clientShare ?? limit)
        reader = PromptReader(verifier.tokenizer, model, configuration)
        preparation = RequestPreparation(reader)
        self.configuration = configuration
        self.thread = thread
    }

    deinit { thread.stop() }

    // MARK: Completing

    /// The whole completion at once. When the task is cancelled, what there is so far, with `.cancelled` as its reason.
    /// - Throws: `EngineError`.
    public nonisolated func complete(_ request: CompletionRequest) async throws(EngineError) -> CompletionResult {
        try await begin([request], isStreamed: false)[0].next()!.result!
    }

    /// The completion as it comes. Several share the engine's passes, and each has the text that it would have alone.
    /// - Throws: `EngineError` when the request cannot be served, before anything is computed.
    public nonisolated func stream(_ request: CompletionRequest) async throws(EngineError) -> CompletionStream {
        try await streams([request])[0]
    }

    /// Completions that begin together, all or none: several answers to one prompt, whose requests stand next to each
    /// other, read it once.
    /// - Throws: `EngineError` when one of them cannot be served, before anything is computed.
    public nonisolated func streams(_ requests: [CompletionRequest]) async throws(EngineError) -> [CompletionStream] {
        try await begin(requests, isStreamed: true).map { CompletionStream($0, self) }
    }

    /// Many completions, as many in shared passes as the configuration allows.
    public nonisolated func completeAll(_ requests: [CompletionRequest]) -> CompletionBatch {
        CompletionBatch(requests, window: configuration.parallel, engine: self)
    }

    /// Checks and admits requests before anything is done for them, prepares them on another thread, and enters them.
    private nonisolated func begin(
        _ requests: [CompletionRequest], isStreamed: Bool
    ) async throws(EngineError) -> [Delivery] {
        let start = ContinuousClock.now
        for request in requests { try check(request) }
        try admission.admit(requests)
        do throws(EngineError) {
            let prepared = try await preparation.prepare(requests)
            return try await enter(requests, prepared, start, isStreamed: isStreamed)
        } catch {
            for request in requests { admission.release(request.client) }
            throw error
        }
    }

    private func enter(
        _ requests: [CompletionRequest], _ prepared: [RequestPreparation.Prepared], _ start: ContinuousClock.Instant,
        isStreamed: Bool
    ) throws(EngineError) -> [Delivery] {
        guard !isDraining else { throw .shuttingDown }  // Since it was admitted.
        var begun: [(Generation, CompletionRequest)] = []
        for (request, prepared) in zip(requests, prepared) {
            let settings = try settings(request, prepared, start)
            begun.append((Generation(settings, verifier: verifier, sampler: sampler), request))
        }
        defer { runPasses() }
        return begun.map { generation, request in
            let delivery = Delivery(isStreamed: isStreamed) { [weak self] in
                guard let self else { return }
                Task { await self.runPasses() }
            }
            let observer = CompletionObserver(metrics, configuration.logger)
            let deadline = request.timeout.map { start + $0 }
            scheduler.add(
                ActiveCompletion(generation, delivery, observer, request: request, deadline: deadline) { [admission] in
                    admission.release(request.client)
                })
            return delivery
        }
    }

    /// Makes passes while there is something to do; between them the engine listens.
    func runPasses() {
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
            guard isIdle else { return }
            saveNowAndThen()
            for waiting in draining { waiting.resume() }
            draining = []
            learn()
        }
    }

    /// Whether nothing is asked for or waits.
    private var isIdle: Bool { scheduler.isIdle && turns.texts == 0 }

    /// Improves the drafter as long as nobody asks, and the engine is held.
    private func learn() {
        guard !isLearning, drafters.learner != nil else { return }
        isLearning = true
        Task { [weak self] in
            // Between two steps it is the turn of whoever came first.
            while await self?.learnOn() == true { await Task.yield() }
        }
    }

    private func learnOn() -> Bool {
        isLearning = isIdle && !isDraining && drafters.learn(configuration.logger)
        return isLearning
    }

    /// Completions whose readers do not read end with their time all the same.
    private func setAlarm() {
        alarm?.cancel()
        alarm = scheduler.nextDeadline.map { deadline in
            Task { [weak self] in
                guard (try? await Task.sleep(until: deadline, clock: .continuous)) != nil else { return }
                await self?.runPasses()
            }
        }
    }

    /// What is remembered would be lost with the process.
    private func saveNowAndThen() {
        guard ContinuousClock.now - saved > .seconds(60) else { return }
        saved = .now
        do throws(EngineError) {
            try drafters.memories.save()
        } catch {
            configuration.logger.error("\(error.message)")
        }
    }

    // MARK: Ending

    /// Writes the texts of requests to the file that the configuration names, if it names one; an engine does so now
    /// and then when it has nothing else to do, and as a service when it is shut down.
    /// - Throws: `EngineError` if the file cannot be written.
    public func saveTexts() throws(EngineError) { try drafters.memories.save() }

    /// Ends what improves the drafter while nobody asks, and keeps what it has learnt if that was asked for; a service
    /// does so when it is shut down.
    /// - Returns: what was done, in words.
    /// - Throws: `EngineError` if a file cannot be written.
    package func finishLearning() throws(EngineError) -> String? {
        defer { drafters.learner = nil }
        return try drafters.learner?.finish()
    }

    /// Refuses what comes from now on as `.shuttingDown`; returns when what came before is done. When the task is
    /// cancelled, that ends with what there is.
    public func drain() async {
        isDraining = true
        admission.close()
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiting in
                if isIdle { waiting.resume() } else { draining.append(waiting) }
            }
        } onCancel: {
            Task { await stopAll() }
        }
    }

    /// Ends what is in progress or waiting where it stands, each with `.cancelled` and what it has.
    public func stopAll() {
        stopCount += 1
        scheduler.stopAll()
        runPasses()
    }

    /// What the engine is busy with.
    public var activity: EngineActivity { scheduler.activity }
}
