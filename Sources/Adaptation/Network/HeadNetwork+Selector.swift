import CKernels
import SpeculateShared

/// What chooses among a slot's likeliest tokens by the token before them (DFlash 2): softcap(scale · logit) +
/// successor[token] · (predecessor[previous] ⊙ gate · hidden). Which tokens these are has no gradient.
extension HeadNetwork {
    var candidateCount: Int { parameters.selector?.count ?? 0 }

    /// Finds a row's candidates, the likeliest first.
    func selectCandidates(_ row: Int) {
        Kernels.greatest(
            candidateCount, of: scratch.logits + row * vocabulary, outputs: vocabulary,
            into: scratch.candidates + row * candidateCount)
    }

    /// A candidate's row among the successors, of which a file may have those alone that can be drafted.
    private func successor(_ candidate: Int, _ selector: HeadParameters.Selector) -> Int {
        selector.successor.rows == vocabulary ? candidate : Int(draftTokens[candidate])
    }

    /// Scores a row's candidates after a token.
    func score(_ row: Int, after token: Int32) {
        guard let selector = parameters.selector else { return }
        let (rank, count) = (selector.gate.rows, selector.count)
        let (gate, before) = (scratch.gates + row * rank, selector.predecessor.row(Int(token)))
        for place in 0..<count {
            let candidate = Int(scratch.candidates[row * count + place])
            let after = selector.successor.row(successor(candidate, selector))
            var sum = unary(scratch.logits[row * vocabulary + candidate], selector)
            for i in 0..<rank { sum += after[i] * before[i] * gate[i] }
            scratch.scores[row * count + place] = sum
        }
    }

    /// The place of the candidate with the greatest score.
    func best(_ row: Int) -> Int { Int(kernels.argmax(scratch.scores + row * candidateCount, Int32(candidateCount))) }

    private func unary(_ logit: Float, _ selector: HeadParameters.Selector) -> Float {
        let scaled = selector.logitScale * logit
        return selector.softcap > 0 ? selector.softcap * tanh(scaled / selector.softcap) : scaled
    }

    /// The derivative of a candidate's score by its logit.
    func unarySlope(_ row: Int, _ place: Int) -> Float {
        guard let selector = parameters.selector else { return 0 }
        let candidate = Int(scratch.candidates[row * selector.count + place])
        guard selector.softcap > 0 else { return selector.logitScale }
        let bend = tanh(selector.logitScale * scratch.logits[row * vocabulary + candidate] / selector.softcap)
        return selector.logitScale * (1 - bend * bend)
    }

    /// Adds the loss of the candidates' distribution to the row's, and its gradient to that by the logits.
    func differentiateScores(
        _ row: Int, _ batch: HeadBatch, _ mix: Mix, _ slopes: [Float], _ sums: UnsafeMutablePointer<Float>
    ) {
        let (s, count, width) = (scratch, candidateCount, HeadBatch.width)
        let candidates = UnsafeBufferPointer(start: s.candidates + row * count, count: count)
        var (tokens, probabilities): ([Int32], [Float]) = ([], [])
        for place in row * width..<(row + 1) * width {
            guard let found = candidates.firstIndex(of: batch.tokens[place]) else { continue }
            tokens.append(Int32(found))
            probabilities.append(batch.probabilities[place])
        }
        let scores = s.scores + row * count
        let (loss, acceptance) = distance(
            scores, count, tokens[...], probabilities[...], mix, batch.weights[row], sums)
        s.losses[row] += loss
        s.acceptances[row] = acceptance
        for (place, candidate) in candidates.enumerated() {
            s.logits[row * vocabulary + Int(candidate)] += scores[place] * slopes[place]
        }
    }

    /// From the gradient by the scores to those by the selector's matrices and by the hidden states.
    func backward(_ selector: HeadParameters.Selector, _ batch: HeadBatch) {
        let (s, rank, count) = (scratch, selector.gate.rows, selector.count)
        for row in 0..<batch.rows {
            let token = Int(batch.previous[row])
            selector.predecessor.use(token)
            let (gate, before) = (s.gates + row * rank, selector.predecessor.row(token))
            let (byGate, byBefore) = (s.byGates + row * rank, selector.predecessor.gradient(token))
            for i in 0..<rank { byGate[i] = 0 }
            for place in row * count..<(row + 1) * count {
                let candidate = successor(Int(s.candidates[place]), selector)
                selector.successor.use(candidate)
                let (after, byAfter) = (selector.successor.row(candidate), selector.successor.gradient(candidate))
                for i in 0..<rank {
                    byAfter[i] += s.scores[place] * before[i] * gate[i]
                    byGate[i] += s.scores[place] * after[i]  // By the product of `before` and `gate`, so far.
                }
            }
            for i in 0..<rank {
                byBefore[i] += byGate[i] * gate[i]
                byGate[i] *= before[i]
            }
        }
        Products.byWeights(
            s.byGates, s.final, rows: batch.rows, inputs: hidden, outputs: rank, into: selector.gate.gradient)
        guard parameters.trainsBody else { return }
        Products.byInputs(
            s.byGates, selector.gate.rounded, rows: batch.rows, inputs: hidden, outputs: rank, into: s.byHidden,
            accumulating: true)
    }
}
