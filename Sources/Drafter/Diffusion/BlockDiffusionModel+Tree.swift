import CKernels
import SpeculateShared
import SpeculateVerifier

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension BlockDiffusionModel {
    /// Grows the tree of the likeliest drafts from one pass over masked slots: each slot's distribution, with what the
    /// Markov head says of the token before, gives a node's followers, and the likeliest path is lengthened first
    /// (DDTree, 2026). Where the sampling is `gumbel`, tokens count for what the noise makes of them.
    package func grow(
        _ growth: TreeGrowth, anchor: Int32, cache: KVCache, sampling: DraftSampling, into proposal: inout Proposal
    ) {
        let depth = min(growth.depth, config.drafts)
        precondition(depth >= 1 && growth.tokens >= 1 && growth.width >= 1)
        let slots = depth + config.firstSlot
        lay(slots, anchor, cache) { _ in config.maskToken }
        var candidates = TreeCandidates()
        // The node that is given followers next; the anchor is number −1 at depth 0.
        var node: TreeCandidates.Candidate? = .init(token: anchor, parent: -1, depth: 0, probability: 1)
        var index = -1
        pool.run { worker in
            forward(slots, &worker)  // logits [slots, draft vocabulary]
            while let parent = node {
                branch(after: parent.token, slot: parent.depth + config.firstSlot, worker)
                worker.barrier()
                weigh(sampling, worker)
                worker.barrier()
                if worker.index == 0 {
                    offer(after: parent, index, cache.count + 1 + parent.depth, growth, sampling, &candidates)
                    (node, index) = grow(growth, depth, &candidates, &proposal)
                }
                worker.barrier()
            }
        }
    }

    /// The worker's share of a node's followers: whole blocks of the sums.
    private func followers(_ worker: Worker) -> Range<Int> { worker.share(of: draftVocabulary, unit: Sampler.block) }

    /// The worker's share of the logits at a slot, after a token, and which of them is greatest.
    private func branch(after token: Int32, slot: Int, _ worker: Worker) {
        let share = followers(worker)
        if !share.isEmpty {
            embedPrevious(token, worker)
            let logits = state.logits + slot * state.logitStride
            (state.branch + share.lowerBound).update(from: logits + share.lowerBound, count: share.count)
            addMarkov(to: state.branch, share, worker)
        }
        state.best[worker.index] = likeliest(state.branch, share)
    }

    /// The worker's share of the weights, 1 for the likeliest token, and of their sums.
    private func weigh(_ sampling: DraftSampling, _ worker: Worker) {
        let share = followers(worker)
        guard !share.isEmpty else { return }
        var temperature: Float = 1
        if case .gumbel(let warmth, _) = sampling { temperature = warmth }
        let highest = state.branch[Int(likeliest(state.branch, among: state.best, worker.count))]
        kernels.exponentials(
            state.branch + share.lowerBound, Int32(share.count), highest, 1 / temperature,
            state.distribution + share.lowerBound, state.blockSums + share.lowerBound / Sampler.block)
    }

    /// Makes candidates of the likeliest followers of a node.
    private func offer(
        after parent: TreeCandidates.Candidate, _ index: Int, _ position: Int, _ growth: TreeGrowth,
        _ sampling: DraftSampling, _ candidates: inout TreeCandidates
    ) {
        var noise: GumbelNoise?
        if case .gumbel(_, let seed) = sampling { noise = GumbelNoise(CounterRandom(seed: seed), position: position) }
        let (distribution, sums) = (state.distribution, state.blockSums)
        var total: Float = 0
        var best: [(weight: Float, token: Int)] = []
        for start in stride(from: 0, to: draftVocabulary, by: Sampler.block) {
            let sum = sums[start / Sampler.block]
            if noise == nil { total += sum }
            // What is this unlikely is not worth a guess.
            guard sum >= GumbelNoise.threshold else { continue }
            // Nor is what is less likely than enough others.
            if noise == nil, best.count == growth.width, sum <= best[best.count - 1].weight { continue }
            for i in start..<min(start + Sampler.block, draftVocabulary) where distribution[i] >= GumbelNoise.threshold
            {
                var weight = distribution[i]
                if let noise {
                    weight *= Float(exp(noise.value(Int(weights.draftTokens[i]))))
                    total += weight
                }
                if best.count < growth.width || weight > best[best.count - 1].weight {
                    let place = best.firstIndex { $0.weight < weight } ?? best.count
                    best.insert((weight, i), at: place)
                    if best.count > growth.width { best.removeLast() }
                }
            }
        }
        let calibration = parent.depth < growth.calibration.count ? growth.calibration[parent.depth] : 1
        for (weight, i) in best {
            candidates.insert(
                .init(
                    token: weights.draftTokens[i], parent: index, depth: parent.depth + 1,
                    probability: parent.probability * min(1, weight / total * calibration)))
        }
    }

    /// Takes candidates into the tree until one needs followers; nil when the tree is grown.
    private func grow(
        _ growth: TreeGrowth, _ depth: Int, _ candidates: inout TreeCandidates, _ proposal: inout Proposal
    ) -> (TreeCandidates.Candidate?, Int) {
        while proposal.tokens.count < growth.tokens, let candidate = candidates.popLikeliest(),
            candidate.probability >= growth.threshold(proposal.tokens.count)
        {
            proposal.append(candidate.token, after: candidate.parent, probability: candidate.probability)
            let room = growth.tokens - proposal.tokens.count
            // A follower is less likely than the token that it follows: enough others may be likelier than any.
            guard candidate.depth < depth, room > 0, !candidates.has(room, of: candidate.probability),
                candidate.probability >= growth.threshold(proposal.tokens.count)
            else { continue }
            return (candidate, proposal.tokens.count - 1)
        }
        return (nil, -1)
    }
}
