import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

extension Engine {
    /// The process of the engine's block diffusion drafter; nil if it has none.
    public nonisolated var diffusionKind: DiffusionKind? { drafterConfig?.process }

    /// Writes a text by diffusion alone, block after block, until an end token or the most tokens asked for. When the
    /// task is cancelled, what there is so far, with `.cancelled` as its reason. Texts take turns with each other, and
    /// with completions: no more than half the time is theirs.
    /// - Parameters:
    ///   - request: what to write, by which steps.
    ///   - onStep: called after every pass, on the engine's thread.
    /// - Throws: `EngineError` when the engine has no block diffusion drafter, the request does not suit it, or as many
    ///   are being written as the configuration has completions in parallel.
    public nonisolated func diffuse(
        _ request: DiffusionRequest, onStep: @Sendable @escaping (DiffusionStep) -> Void
    ) async throws(EngineError) -> DiffusionResult {
        guard let config = drafterConfig else {
            throw EngineError(
                .invalidRequest, "the drafter is \(drafter), expected a block diffusion drafter's file to write with")
        }
        if let problem = request.problem(for: config.process) { throw EngineError(.invalidRequest, problem) }
        var asked = CompletionRequest(request.prompt)
        asked.templateVariables = request.templateVariables
        asked.client = request.client
        try admission.admit([asked])
        defer { admission.release(asked.client) }
        try diffusions.admit([asked])
        defer { diffusions.release(asked.client) }
        let stopsBefore = await stopCount
        let prompt = try await preparation.tokens(of: asked, addsBeginToken: true, opensAnswer: true)
        let room = min(model.contextLength, config.transformer.context - config.block) - prompt.count
        guard room > 0 else {
            throw EngineError(
                .contextOverflow,
                "the prompt has \(prompt.count) tokens, expected fewer than \(prompt.count + room), what model and drafter have room for"
            )
        }
        return try await write(
            request, prompt, limit: min(request.maximumTokens, room), stopsBefore: stopsBefore, onStep)
    }

    private func write(
        _ request: DiffusionRequest, _ prompt: [Int32], limit: Int, stopsBefore: Int,
        _ onStep: @Sendable @escaping (DiffusionStep) -> Void
    ) async throws(EngineError) -> DiffusionResult {
        guard !isDraining else { throw .shuttingDown }  // Since it was admitted.
        turns.texts += 1
        defer {
            turns.texts -= 1
            runPasses()  // What waits for the engine to be idle may go on.
        }
        let text: DiffusionText
        do throws(OutOfMemory) {
            // It has a shape.
            text = try DiffusionText(request, prompt: prompt, limit: limit, verifier, drafters.model!.diffusion!)
        } catch {
            throw EngineError(error)
        }
        while true {
            await takeTurn()
            let start = ContinuousClock.now
            defer { turns.finish(start) }
            guard !Task.isCancelled, stopCount == stopsBefore else { return text.result(.cancelled) }
            if text.readNext() { continue }
            if let reason = try text.advance(onStep) { return text.result(reason) }
        }
    }

    /// Returns when it is this text's turn and completions have had theirs.
    private func takeTurn() async {
        await Task.yield()
        if !turns.take() { await withCheckedContinuation { turns.wait($0) } }
        while isRunning, ContinuousClock.now < turns.end { await Task.yield() }
    }
}
