import SpeculateDrafter
import SpeculateShared

/// What is told of tokens and rounds beside the text.
extension Generation {
    /// The rows of a chunk each tell of the token after theirs. A sequence that was suspended prefills some again.
    func reportPrompt(_ count: Int, _ pass: PassResult, firstLogits: Int) throws(EngineError) {
        guard let likeliest = settings.logprobs else { return }
        for row in 0..<count {
            let next = cached - count + row + 1
            guard next == promptLogprobs?.count, next < promptCount else { continue }
            promptLogprobs?.append(
                try report(tokens[next], likeliest: likeliest, pass, logits: firstLogits + row))
        }
    }

    func report(
        _ token: Int32, likeliest count: Int, _ pass: PassResult, logits: Int
    ) throws(EngineError) -> TokenLogprobs {
        func entry(_ token: Int32, _ logprob: Float) -> TokenLogprobs.Entry {
            .init(token: token, bytes: Array(verifier.tokenizer.pieces[Int(token)]), logprob: logprob)
        }
        do throws(NonFiniteLogits) {
            let (chosen, likeliest) = try sampler.logprobs(pass.logits(logits), of: token, likeliest: count)
            return TokenLogprobs(chosen: entry(token, chosen), likeliest: likeliest.map { entry($0, $1) })
        } catch {
            throw damage(error)
        }
    }

    func recordTotal(_ pass: PassResult, _ row: Int) throws(EngineError) {
        do throws(NonFiniteLogits) {
            recorded?.append(logTotal: try sampler.logTotal(pass.logits(row)))
        } catch {
            throw damage(error)
        }
    }

    func round(_ draft: Proposal, _ verdict: Verdict) -> DraftRound {
        func text(_ token: Int32) -> String { String(decoding: verifier.tokenizer.pieces[Int(token)], as: UTF8.self) }
        let kept = Set(verdict.accepted)
        return DraftRound(
            drafted: draft.tokens.indices.map { place in
                .init(
                    text: text(draft.tokens[place]), parent: draft.parents[place],
                    isAccepted: kept.contains(place))
            }, own: text(verdict.next))
    }
}
