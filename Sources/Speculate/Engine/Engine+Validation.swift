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
        let drafts = try drafts(request)
        guard configuration.recordedLayers.isEmpty || !drafts else {
            throw EngineError(
                .invalidRequest,
                "speculation is \(speculation(request)), expected none where hidden states are recorded")
        }
    }

    private nonisolated func speculation(_ request: CompletionRequest) -> Speculation {
        request.speculation ?? configuration.speculation
    }

    private nonisolated func drafts(_ request: CompletionRequest) throws(EngineError) -> Bool {
        try drafter.drafts(speculation(request), rule(request), kind: drafterKind)
    }

    private nonisolated func rule(_ request: CompletionRequest) -> AcceptanceRule {
        if request.sampling.isGreedy { return .greedy }
        // A rule of somebody's own gets drafts as rejection does: drawn, with their distributions.
        if request.customAcceptance != nil { return .rejection }
        return request.acceptance ?? configuration.acceptance
    }

    /// A checked request in the terms of a completion.
    func settings(
        _ request: CompletionRequest, _ prepared: RequestPreparation.Prepared, _ start: ContinuousClock.Instant
    ) throws(EngineError) -> GenerationSettings {
        let room = model.contextLength - prepared.prompt.count
        let rule = rule(request)
        let drafts = try drafts(request)
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
        settings.speculation = drafts ? speculation(request) : .none
        settings.drafterReadsAllRows = drafts && drafter.custom.map { !$0.taps.isEmpty } ?? false
        settings.scope = CacheScope(client: request.client, salt: request.cacheSalt)
        settings.start = start
        settings.recordsHiddenStates = !configuration.recordedLayers.isEmpty
        return settings
    }
}
