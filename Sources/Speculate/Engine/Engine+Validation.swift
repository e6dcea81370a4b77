import SpeculateShared

extension Engine {
    /// Refuses what needs no tokens to be refused.
    nonisolated func check(_ request: CompletionRequest) throws(EngineError) {
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
        if request.sampling.isGreedy { return .greedy }
        // A rule of somebody's own gets drafts as rejection does: drawn, with their distributions.
        if request.customAcceptance != nil { return .rejection }
        return request.acceptance ?? configuration.acceptance
    }

    /// A checked request in the terms of a completion.
    /// - Throws: `EngineError` where the engine has no drafter of the kind asked for.
    func settings(
        _ request: CompletionRequest, _ prepared: RequestPreparation.Prepared, _ start: ContinuousClock.Instant
    ) throws(EngineError) -> GenerationSettings {
        let room = model.contextLength - prepared.prompt.count
        let speculation = request.speculation ?? configuration.speculation
        let rule = rule(request)
        let drafts = try drafters.drafts(speculation, rule)
        let recordsStates = !configuration.recordedLayers.isEmpty
        guard !(recordsStates && drafts) else {
            throw EngineError(.invalidRequest, "speculation is \(speculation), expected none where states are recorded")
        }
        var settings = GenerationSettings(
            prompt: prepared.prompt, maximumTokens: min(request.maximumTokens ?? room, room))
        settings.options = request.sampling
        settings.rule = rule
        settings.acceptance = rule == .greedy ? nil : request.customAcceptance
        settings.stops = prepared.stops
        settings.endsLoops = request.endsLoops
        settings.logprobs = request.logprobs
        settings.promptLogprobs = request.promptLogprobs
        settings.reportsRounds = request.reportsRounds
        settings.speculation = drafts ? speculation : .none
        settings.drafterReadsAllRows = drafts && drafters.readsAllRows
        settings.scope = CacheScope(client: request.client, salt: request.cacheSalt)
        settings.start = start
        settings.recordsStates = recordsStates
        return settings
    }
}
