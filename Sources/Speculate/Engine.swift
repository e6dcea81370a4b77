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

    /// Sequences that wait at most.
    public static let maximumQueue = 1_000_000

    public nonisolated let model: ModelDescription
    private let thread: SerialThread
    private nonisolated let configuration: EngineConfiguration
    let drafting: Drafting
    let verifier: Verifier
    private let sampler: Sampler
    private let scheduler: Scheduler
    private let metrics: EngineMetrics
    private nonisolated let places: Places
    nonisolated let reader: PromptReader
    nonisolated let intake: Intake
    private var isRunning = false
    private var isDraining = false
    private var alarm: Task<Void, Never>?
    /// Woken when nothing is left to do.
    private var draining: [CheckedContinuation<Void, Never>] = []

    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// Loads a verifier, and a drafter for it.
    /// - Parameters:
    ///   - path: the verifier, a GGUF file.
    ///   - drafter: where drafts come from; on its own, from the drafter's file beside the verifier's if there is one.
    ///   - configuration: for all requests.
    /// - Throws: `EngineError` naming the file and what is wrong with it, or the setting out of range.
    public static func load(
        verifier path: String, drafter: DrafterSource = .automatic,
        configuration: EngineConfiguration = EngineConfiguration()
    ) async throws -> Engine {
        try await Loader().load(path, drafter.resolved(for: path), configuration)
    }

    /// Loads on the engine's own thread, before there is an engine.
    private actor Loader {
        let thread = SerialThread()
        nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

        func load(
            _ path: String, _ drafter: DrafterSource, _ configuration: EngineConfiguration
        ) throws(EngineError) -> Engine {
            let clock = ContinuousClock.now
            do {
                if let problem = configuration.problem() { throw EngineError(.invalidRequest, problem) }
                let checkpoint = try Checkpoint(path: path)
                if try checkpoint.metadata.optionalString("general.architecture") == DrafterConfig.architecture {
                    throw CheckpointError("this is a drafter, expected the model that it drafts for")
                }
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
                cacheFormat: KVFormat(rawValue: configuration.cacheFormat.rawValue)!, kernels: try Kernels(),
                pool: pool, progress: configuration.onLoading)
            try drafting.load(for: verifier)
        }
    }

    private init(
        _ models: sending Models, _ model: ModelDescription,
        _ configuration: EngineConfiguration, _ thread: SerialThread
    ) {
        verifier = models.verifier
        drafting = models.drafting
        sampler = Sampler(vocabularySize: verifier.config.vocabulary, kernels: verifier.kernels.table)
        scheduler = Scheduler(
            verifier: verifier, drafting: drafting, prefixes: PrefixCache(limit: configuration.prefixMemory),
            parallel: configuration.parallel)
        metrics = EngineMetrics(model: configuration.modelName ?? model.name, factory: configuration.metrics)
        let limit = configuration.parallel + configuration.queue
        places = Places(limit: limit, share: configuration.clientShare ?? limit)
        reader = PromptReader(verifier.tokenizer, model, configuration)
        intake = Intake(reader)
        self.model = model
        self.configuration = configuration
        self.thread = thread
    }

    deinit { thread.stop() }

    // MARK: Completing

    /// The whole completion at once. When the task is cancelled, what there is so far, with `.cancelled` as its reason.
    /// - Throws: `EngineError`.
    public nonisolated func complete(_ request: CompletionRequest) async throws -> CompletionResult {
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

    private nonisolated func begin(
        _ requests: [CompletionRequest], isStreamed: Bool
    ) async throws(EngineError) -> [Delivery] {
        let start = ContinuousClock.now
        for request in requests { try check(request) }
        try places.take(requests)
        do throws(EngineError) {
            let prepared = try await intake.prepare(requests)
            return try await enter(requests, prepared, start, isStreamed: isStreamed)
        } catch {
            for request in requests { places.give(request.client) }
            throw error
        }
    }

    private func enter(
        _ requests: [CompletionRequest], _ prepared: [Intake.Prepared], _ start: ContinuousClock.Instant,
        isStreamed: Bool
    ) throws(EngineError) -> [Delivery] {
        guard !isDraining else { throw EngineError(.shuttingDown, "the engine is being shut down") }
        var begun: [(Generation, CompletionRequest)] = []
        for (request, prepared) in zip(requests, prepared) {
            begun.append((try generation(request, prepared, start), request))
        }
        defer { goOn() }
        return begun.map { generation, request in
            let delivery = Delivery(isStreamed: isStreamed) { [weak self] in
                guard let self else { return }
                Task { await self.goOn() }
            }
            let observer = CompletionObserver(metrics, configuration.logger)
            let deadline = request.timeout.map { start + $0 }
            scheduler.add(
                ActiveCompletion(generation, delivery, observer, request: request, deadline: deadline) { [places] in
                    places.give(request.client)
                })
            return delivery
        }
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

    /// Ends what is in progress or waiting where it stands, each with `.cancelled` and what it has.
    public func stopAll() {
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

    /// What needs no tokens to be refused.
    private nonisolated func check(_ request: CompletionRequest) throws(EngineError) {
        if let problem = request.problem(vocabularySize: model.vocabularySize) {
            throw EngineError(.invalidRequest, problem)
        }
        if rule(request) == .greedy, !request.sampling.isGreedy {
            throw EngineError(
                .invalidRequest,
                "acceptance is greedy at temperature \(request.sampling.temperature), expected match, coupled, rejection or block"
            )
        }
    }

    private nonisolated func rule(_ request: CompletionRequest) -> AcceptanceRule {
        request.sampling.isGreedy ? .greedy : request.acceptance ?? configuration.acceptance
    }

    private func generation(
        _ request: CompletionRequest, _ prepared: Intake.Prepared, _ start: ContinuousClock.Instant
    ) throws(EngineError) -> Generation {
        let prompt = prepared.prompt
        let room = model.contextLength - prompt.count
        let speculation = request.speculation ?? configuration.speculation
        let rule = rule(request)
        let drafts = try drafting.drafts(speculation, rule)
        let recordsStates = !configuration.recordedLayers.isEmpty
        guard !(recordsStates && drafts) else {
            throw EngineError(.invalidRequest, "speculation is \(speculation), expected none where states are recorded")
        }
        return Generation(
            prompt: prompt, maximumTokens: min(request.maximumTokens ?? room, room), options: request.sampling,
            rule: rule, stops: prepared.stops, endsLoops: request.endsLoops, logprobs: request.logprobs,
            promptLogprobs: request.promptLogprobs, reportsRounds: request.reportsRounds,
            speculation: drafts ? speculation : .none,
            scope: CacheScope(client: request.client, salt: request.cacheSalt), start: start, verifier: verifier,
            sampler: sampler, recordsStates: recordsStates)
    }
}
