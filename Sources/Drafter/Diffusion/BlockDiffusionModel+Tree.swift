import CKernels
import SpeculateShared

extension BlockDiffusionModel {
    /// Grows a tree of the likeliest drafts from one pass over masked slots: each slot's distribution, with the Markov
    /// head's bias for the previous token, gives a node's children, and the likeliest path is extended first (DDTree,
    /// 2026). With `gumbel` sampling, tokens are weighted by their noise.
    package func grow(
        _ growth: TreeGrowth, anchor: Int32, cache: KVCache, sampling: DraftSampling, into proposal: inout Proposal
    ) {
        let depth = min(growth.depth, config.drafts)
        precondition(depth >= 1 && growth.tokens >= 1 && growth.width >= 1)
        let slots = depth + config.firstSlot
        lay(slots, anchor, cache) { _ in config.maskToken }
        begin(depth, cache, sampling)
        var candidates = TreeCandidates()
        // The next node to get children; the anchor is node −1 at depth 0.
        var node: TreeCandidates.Candidate? = .init(token: anchor, parent: -1, depth: 0, probability: 1)
        var index = -1
        // Without evidence of the states: at time 1 they say nothing of the tokens.
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

    /// Draws the states of a block that gets one pass.
    private func begin(_ count: Int, _ cache: KVCache, _ sampling: DraftSampling) {
        guard weights.conditioning != nil else { return }
        treeBlock.reset(count: count)
        weights.process.begin(
            treeBlock, KeyedStateDraws(random: CounterRandom(seed: sampling.seed), position: cache.count + 1))
        lay(treeBlock, time: 1)
    }

    /// The worker's share of a node's children, in units of the partial sums.
    private func followers(_ worker: Worker) -> Range<Int> { worker.share(of: choiceCount, unit: Sampler.sumWidth) }

    /// Computes the worker's share of the logits at a slot, given the token before it, and the greatest of them.
    private func branch(after token: Int32, slot: Int, _ worker: Worker) {
        let share = followers(worker)
        if !share.isEmpty, weights.selector != nil {
            score(slot: slot, after: token, into: scratch.branch)
        } else if !share.isEmpty {
            embedPrevious(token, worker)
            let logits = scratch.logits + slot * scratch.logitStride
            (scratch.branch + share.lowerBound).update(from: logits + share.lowerBound, count: share.count)
            addMarkov(to: scratch.branch, share, worker)
        }
        scratch.best[worker.index] = likeliest(scratch.branch, share)
    }

    /// Computes the worker's share of the weights (1 for the likeliest token) and of their partial sums.
    private func weigh(_ sampling: DraftSampling, _ worker: Worker) {
        let share = followers(worker)
        guard !share.isEmpty else { return }
        var temperature: Float = 1
        if case .gumbel(let warmth, _) = sampling { temperature = warmth }
        let highest = scratch.branch[Int(likeliest(scratch.branch, among: scratch.best, worker.count))]
        kernels.exponentials(
            scratch.branch + share.lowerBound, Int32(share.count), highest, 1 / temperature,
            scratch.distribution + share.lowerBound, scratch.partialSums + share.lowerBound / Sampler.sumWidth)
    }

    /// Makes candidates of a node's likeliest children.
    private func offer(
        after parent: TreeCandidates.Candidate, _ index: Int, _ position: Int, _ growth: TreeGrowth,
        _ sampling: DraftSampling, _ candidates: inout TreeCandidates
    ) {
        var noise: GumbelNoise?
        if case .gumbel(_, let seed) = sampling { noise = GumbelNoise(CounterRandom(seed: seed), position: position) }
        let (distribution, sums) = (scratch.distribution, scratch.partialSums)
        let (count, tokens) = (choiceCount, choices(parent.depth + config.firstSlot))
        var total: Float = 0
        var best: [(weight: Float, token: Int)] = []
        for start in stride(from: 0, to: count, by: Sampler.sumWidth) {
            let sum = sums[start / Sampler.sumWidth]
            if noise == nil { total += sum }
            // Nothing in here is likely enough to draft.
            guard sum >= GumbelNoise.threshold else { continue }
            // Enough others are likelier.
            if noise == nil, best.count == growth.width, sum <= best[best.count - 1].weight { continue }
            for i in start..<min(start + Sampler.sumWidth, count)
            where distribution[i] >= GumbelNoise.threshold {
                var weight = distribution[i]
                if let noise {
                    weight *= Float(exp(noise.value(Int(tokens[i]))))
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
                    token: tokens[i], parent: index, depth: parent.depth + 1,
                    probability: parent.probability * min(1, weight / total * calibration)))
        }
    }

    /// Moves candidates into the tree until one needs children; nil once the tree is complete.
    private func grow(
        _ growth: TreeGrowth, _ depth: Int, _ candidates: inout TreeCandidates, _ proposal: inout Proposal
    ) -> (TreeCandidates.Candidate?, Int) {
        while proposal.tokens.count < growth.tokens, let candidate = candidates.popLikeliest(),
            candidate.probability >= growth.threshold(proposal.tokens.count)
        {
            proposal.append(candidate.token, after: candidate.parent, probability: candidate.probability)
            let room = growth.tokens - proposal.tokens.count
            // Children are less likely than their parent: skip them if enough other candidates are likelier.
            guard candidate.depth < depth, room > 0, !candidates.has(room, of: candidate.probability),
                candidate.probability >= growth.threshold(proposal.tokens.count)
            else { continue }
            return (candidate, proposal.tokens.count - 1)
        }
        return (nil, -1)
    }
}
