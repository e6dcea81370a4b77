import CKernels
import SpeculateShared

/// What a slot's token is chosen from: all that can be drafted, or the few that the logits put first, scored by the
/// token before them (DFlash 2). Those scores depend on the drafted text through that token alone, so that their
/// softmax is the token's distribution given the tokens before it.
extension BlockDiffusionModel {
    /// How many tokens a slot's is chosen from.
    var choiceCount: Int { weights.selector?.count ?? draftVocabulary }

    /// Those tokens, ascending.
    func choices(_ slot: Int) -> [Int32] { weights.selector == nil ? weights.draftTokens : scratch.candidates[slot] }

    /// Finds every slot's candidates, and what gates their scores.
    func selectCandidates(_ slots: Int, _ worker: inout Worker) {
        guard let selector = weights.selector else { return }
        let stride = scratch.gateStride
        worker.forEachChunk(of: stride / Int(SPK_LANES), chunk: 1) { panels, _ in
            transformer.multiply(
                selector.gate, transformer.scratch.hidden, slots, panels, before: nil, into: scratch.gates,
                stride: stride)
        }
        for slot in worker.share(of: slots) {
            let logits = scratch.logits + slot * scratch.logitStride
            let chosen = scratch.chosen + slot * selector.count
            let unary = scratch.unary + slot * selector.count
            Kernels.greatest(selector.count, of: logits, outputs: draftVocabulary, into: chosen)
            var ascending = UnsafeMutableBufferPointer(start: chosen, count: selector.count)
            ascending.sort()
            for place in 0..<selector.count { unary[place] = selector.unary(logits[Int(chosen[place])]) }
        }
        worker.barrier()
        if worker.index == 0 {
            for slot in 0..<slots {
                for place in 0..<selector.count {
                    scratch.candidates[slot][place] =
                        weights.draftTokens[Int(scratch.chosen[slot * selector.count + place])]
                }
            }
        }
        worker.barrier()
    }

    /// Scores [count] of a slot's candidates after a token.
    func score(slot: Int, after token: Int32, into scores: UnsafeMutablePointer<Float>) {
        guard let selector = weights.selector else { return }
        let rank = Int(selector.predecessor.inputs)
        let (condition, row) = (scratch.condition, scratch.condition + rank)
        withUnsafePointer(to: selector.predecessor) { spk_unpack_row($0, token, condition) }
        let gate = scratch.gates + slot * scratch.gateStride
        for i in 0..<rank { condition[i] *= gate[i] }
        for place in 0..<selector.count {
            let candidate =
                selector.isReduced ? scratch.chosen[slot * selector.count + place] : scratch.candidates[slot][place]
            withUnsafePointer(to: selector.successor) { spk_unpack_row($0, candidate, row) }
            var sum: Float = 0
            for i in 0..<rank { sum += row[i] * condition[i] }
            scores[place] = sum + scratch.unary[slot * selector.count + place]
        }
    }

    /// Chooses the tokens from left to right among the slots' candidates. They are few: one worker does it.
    func walkCandidates(
        _ block: DraftBlock, _ anchor: Int32, _ position: Int, _ sampling: DraftSampling, _ worker: inout Worker
    ) {
        if worker.index == 0 {
            var previous = anchor
            for index in 0..<block.count {
                let slot = index + config.firstSlot
                score(slot: slot, after: previous, into: scratch.branch)
                if !block.isRevealed[index] { block.confidences[index] = confidence(slot, given: scratch.condition) }
                let likeliest = kernels.argmax(scratch.branch, Int32(choiceCount))
                choose(block, index, scratch.branch, likeliest: likeliest, position + index, sampling)
                previous = block.tokens[index]
            }
        }
        worker.barrier()
    }
}
