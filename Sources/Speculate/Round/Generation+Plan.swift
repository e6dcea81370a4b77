import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

extension Generation {
    /// Prompt tokens of one step: long enough to be efficient, short enough that a cancelled prompt ends soon.
    private static let prefillRows = 256
    /// The same where every token's probability is asked for, which needs all logits.
    private static let reportedRows = 32

    /// Adds the next step's rows to the pass, at most `room` of them; returns nil where there is none.
    /// - Parameter load: what else the pass will hold.
    /// - Throws: `EngineError` where the drafter proposes what cannot be verified.
    package func plan(
        _ batch: RowBatch, rows room: Int, beside load: PassLoad = .none
    ) throws(EngineError) -> Step? {
        precondition(result == nil && room <= batch.capacity - batch.rowCount)
        guard let cache, room > 0 else { return nil }
        return isPrefilling ? planPrefill(batch, cache, room) : try planRound(batch, cache, room, load)
    }

    private func planPrefill(_ batch: RowBatch, _ cache: KVCache, _ room: Int) -> Step {
        let reports = promptLogprobs.map { $0.count < promptCount } ?? false
        let end = min(cache.count + min(reports ? Self.reportedRows : Self.prefillRows, room), tokens.count - 1)
        let first = (row: batch.rowCount, logits: batch.logitRowCount)
        batch.append(tokens[cache.count..<end], to: cache, logits: reports ? .all : .none)
        return .prefill(rows: first.row..<batch.rowCount, firstLogits: reports ? first.logits : nil)
    }

    private func planRound(
        _ batch: RowBatch, _ cache: KVCache, _ room: Int, _ load: PassLoad
    ) throws(EngineError) -> Step {
        var draft = spareDraft
        spareDraft = Proposal()  // One owner, so that its arrays are reused.
        draft.removeAll()
        let maximum = max(min(settings.speculation.tokens, settings.maximumTokens - answered - 1, room - 1), 0)
        if let drafter, maximum > 0 {
            drafter.propose(maximum: maximum, beside: load, into: &draft)
            try check(draft, maximum: maximum)
        }
        rows.removeAll(keepingCapacity: true)
        rows.append(tokens[tokens.count - 1])
        rows += draft.tokens
        let first = (row: batch.rowCount, logits: batch.logitRowCount)
        if draft.isChain {
            batch.append(rows, to: cache, logits: settings.logitRows)
        } else {
            batch.appendTree(rows, parents: [-1] + draft.parents.map { $0 + 1 }, to: cache, logits: settings.logitRows)
        }
        return .round(rows: first.row..<batch.rowCount, firstLogits: first.logits, draft: draft)
    }

    /// Drafters may be written elsewhere: what they propose is looked at before anything relies on it.
    private func check(_ draft: Proposal, maximum: Int) throws(EngineError) {
        guard
            let problem = draft.problem(
                maximum: maximum, vocabulary: verifier.config.vocabulary, needsDistributions: !settings.rule.takesTrees)
        else { return }
        throw EngineError(.runtime, "the drafter \(problem)")
    }
}
