import SpeculateDrafter
import SpeculateShared

extension Generation {
    typealias Piece = CompletionDelta.Piece

    /// Takes what a pass computed for a step; returns the text that it brought.
    /// - Parameter times: of a round that had its passes to itself.
    /// - Throws: `EngineError` where the pass left no distribution.
    package func absorb(
        _ step: Step, _ pass: PassResult, times: RoundTimes? = nil
    ) throws(EngineError) -> [CompletionDelta.Piece] {
        guard let cache else { return [] }
        if recorded != nil { for row in step.rows { recorded?.append(pass.hiddenStates[row]) } }
        switch step {
        case .prefill(let rows, let firstLogits):
            if let drafter { for row in rows { drafter.observe(pass, row: row) } }
            if let firstLogits { try reportPrompt(rows.count, pass, firstLogits: firstLogits) }
            return []
        case .round(let rows, let firstLogits, let draft):
            if settings.maximumTokens == 0 { return finish(.length) }
            defer { spareDraft = draft }
            drafter?.observe(
                pass, rows: self.rows, parents: [-1] + draft.parents.map { $0 + 1 }, firstLogits: firstLogits)
            let verdict = try judge(draft, pass, firstLogits: firstLogits)
            if recorded != nil { try recordTotal(pass, firstLogits) }
            if settings.reportsRounds { reportedRound = round(draft, verdict) }
            return try take(draft, verdict, pass, rows, firstLogits, cache, times)
        }
    }

    /// Takes a verdict's tokens into the answer, and leaves cache and drafter where they stand.
    private func take(
        _ draft: Proposal, _ verdict: Verdict, _ pass: PassResult, _ rows: Range<Int>, _ firstLogits: Int,
        _ cache: KVCache, _ times: RoundTimes?
    ) throws(EngineError) -> [Piece] {
        let before = tokens.count
        var pieces: [Piece] = []
        var reason: CompletionResult.FinishReason?
        var logits = firstLogits
        for place in verdict.accepted where reason == nil {
            reason = try append(draft.tokens[place], isDrafted: true, pass, logits: logits, &pieces)
            logits = firstLogits + 1 + place
        }
        if reason == nil { reason = try append(verdict.next, isDrafted: false, pass, logits: logits, &pieces) }
        let first = cache.count - rows.count
        if reason != nil {
            cache.rollback(to: first + 1)  // What was drafted may not be what was kept.
        } else {
            if !draft.isChain { cache.keep(path: [0] + verdict.accepted.map { $0 + 1 }, from: first) }
            cache.rollback(to: tokens.count - 1)
            drafter?.observe(pass, row: rows.lowerBound)
            for place in verdict.accepted { drafter?.observe(pass, row: rows.lowerBound + 1 + place) }
            drafter?.commit(tokens[before...])
            drafter?.learn(draft, accepted: verdict.accepted, times: times)
        }
        // An answer may end inside a draft.
        let kept = tokens.count - before
        record(draft, accepted: min(verdict.accepted.count, kept), tokens: kept, times)
        if let reason { pieces += finish(reason) }
        return pieces
    }

    private func record(_ draft: Proposal, accepted: Int, tokens kept: Int, _ times: RoundTimes?) {
        statistics.record(draft, accepted: accepted)
        if let times {
            statistics.draftTime += .seconds(times.draft)
            statistics.verifyTime += .seconds(times.verify)
        }
        statistics.completionTokens += kept
        guard firstTokenTime == nil else { return }
        let now = ContinuousClock.now
        firstTokenTime = now
        statistics.timeToFirstToken = now - settings.start
        statistics.firstRoundTokens = kept
    }

    /// Takes a token into the answer; returns why the answer ends with it, if it does.
    /// - Parameter logits: those of the pass that the token follows from.
    private func append(
        _ token: Int32, isDrafted: Bool, _ pass: PassResult, logits: Int, _ pieces: inout [Piece]
    ) throws(EngineError) -> CompletionResult.FinishReason? {
        tokens.append(token)
        if settings.options.hasPenalties { history.append(token) }
        if verifier.tokenizer.endTokens.contains(token) { return .endOfText }
        if verifier.tokenizer.kinds[Int(token)] != .control {
            let logprobs = try settings.logprobs.map { count throws(EngineError) in
                try report(token, likeliest: count, pass, logits: logits)
            }
            let position = tokens.dropLast().last.map(Tokenizer.Position.after) ?? .start
            let bytes = verifier.tokenizer.bytes(of: token, at: position)
            show(text.append(bytes, isDrafted: isDrafted, logprobs: logprobs, round: reportedRound), &pieces)
            reportedRound = nil
        }
        if let stop = text.stopped { return .stop(stop) }
        if loop?.beyond(with: token) != nil { return .loop }
        return answered == settings.maximumTokens ? .length : nil
    }

    func finish(_ reason: CompletionResult.FinishReason) -> [Piece] {
        var pieces: [Piece] = []
        show(text.finish(isCut: reason == .cancelled || reason == .deadline), &pieces)
        if settings.speculation != .none, statistics.drafted == 0, statistics.rounds > 0 {
            statistics.speculationOff = "no draft promised to pay"
        }
        if let firstTokenTime { statistics.decodingTime = ContinuousClock.now - firstTokenTime }
        // The last bytes of a text can still complete a stop text.
        let reason = text.stopped.map(CompletionResult.FinishReason.stop) ?? reason
        result = CompletionResult(
            text: answer, promptTokens: settings.prompt, tokens: Array(tokens[promptCount...]), finishReason: reason,
            promptLogprobs: promptLogprobs ?? [], statistics: statistics, recorded: recorded)
        return pieces
    }

    private func show(_ new: [Piece], _ pieces: inout [Piece]) {
        for piece in new { answer += piece.text }
        pieces += new
    }
}
