import SpeculateDrafter
import SpeculateShared

extension Generation {
    /// What the acceptance rule makes of a draft.
    struct Verdict {
        /// Places in the draft of the tokens that are kept, each the parent of the next.
        var accepted: [Int] = []
        /// The verifier's own token that follows them.
        var next: Int32 = 0
    }

    /// - Throws: `EngineError` where the pass left no distribution.
    func judge(_ draft: Proposal, _ pass: PassResult, firstLogits: Int) throws(EngineError) -> Verdict {
        var distributions = SampledDistributions(
            pass: pass, sampler: sampler, options: settings.options, kind: settings.rule.draw, firstLogits: firstLogits,
            position: tokens.count, draft: draft, history: history)
        var verdict = Verdict()
        do throws(NonFiniteLogits) {
            if let acceptance = settings.acceptance {
                verdict.next = try acceptance.judge(draft, &distributions, accepted: &verdict.accepted)
            } else {
                verdict.next = try settings.rule.judge(draft, &distributions, accepted: &verdict.accepted)
            }
        } catch {
            throw damage(error)
        }
        if settings.acceptance != nil, let problem = problem(verdict, draft) {
            throw EngineError(.runtime, "the acceptance rule \(problem)")
        }
        return verdict
    }

    /// Rules may be written elsewhere: what one says is looked at before anything relies on it.
    private func problem(_ verdict: Verdict, _ draft: Proposal) -> String? {
        let vocabulary = verifier.config.vocabulary
        guard (0..<Int32(vocabulary)).contains(verdict.next) else {
            return "adds token \(verdict.next), expected 0 to \(vocabulary - 1)"
        }
        var parent = -1
        for place in verdict.accepted {
            guard draft.parents.indices.contains(place), draft.parents[place] == parent else {
                return "accepts \(verdict.accepted), expected a path of the draft's \(draft.tokens.count) tokens"
            }
            parent = place
        }
        return nil
    }

    func damage(_ error: NonFiniteLogits) -> EngineError {
        EngineError(.runtime, "\(error) at token \(tokens.count): the checkpoint's weights are damaged")
    }
}
