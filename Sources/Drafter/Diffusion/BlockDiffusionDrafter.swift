import SpeculateShared

/// Drafts for one sequence with a block diffusion model.
package final class BlockDiffusionDrafter: CachingDrafter {
    /// If set, drafts are trees grown from one pass; if nil, chains from `passes`.
    package var growth: TreeGrowth?
    package var passes: Int
    package let model: BlockDiffusionModel
    private let order: RevealOrder
    private let sampling: DraftSampling
    private let cache: KVCache
    private let block = DraftBlock()
    private var anchor: Int32 = 0
    /// Hidden states [rows, taps, hidden] of tokens not yet injected: only a draft needs them in the cache.
    private let pending: UnsafeMutablePointer<Float>
    private var pendingRows = 0
    /// The sequence has outgrown the drafter's context: its cache stops mid-sequence, so it proposes nothing more.
    private var isFull = false
    private let width: Int

    /// - Parameters:
    ///   - passes: denoising passes per block, at least 1.
    ///   - capacity: the most tokens of the sequence.
    package init(
        _ model: BlockDiffusionModel, passes: Int = 1, growth: TreeGrowth? = nil, order: RevealOrder = .leftToRight,
        sampling: DraftSampling = .greedy, capacity: Int
    ) throws(OutOfMemory) {
        precondition(passes >= 1)
        self.model = model
        self.passes = passes
        self.growth = growth
        self.order = order
        self.sampling = sampling
        cache = try model.makeCache(capacity: capacity)
        width = model.config.targetLayers.count * model.config.transformer.hidden
        pending = .allocate(capacity: DrafterScratch.rows * width)
    }

    deinit { pending.deallocate() }

    package func begin(_ prompt: [Int32]) {
        cache.rollback(to: 0)
        pendingRows = 0
        isFull = false
        anchor = prompt[prompt.count - 1]
    }

    package var hasCache: Bool { true }

    package func injectedCache() -> KVCache? {
        inject()
        return cache
    }

    package func adopt(_ count: Int, of other: KVCache) {
        cache.adopt(count, of: other)
        pendingRows = 0
    }

    package func observe(_ pass: PassResult, row: Int) {
        isFull = isFull || room == 0
        if isFull { return }
        if pendingRows == DrafterScratch.rows { inject() }
        (pending + pendingRows * width).update(from: pass.hiddenStates[row].baseAddress!, count: width)
        pendingRows += 1
    }

    /// Tokens and slots that still fit into the drafter's context.
    private var room: Int { cache.capacity - cache.count - pendingRows }

    private func inject() {
        guard pendingRows > 0 else { return }
        model.inject(pending, count: pendingRows, into: cache)
        pendingRows = 0
    }

    package func commit(_ tokens: ArraySlice<Int32>) { anchor = tokens[tokens.endIndex - 1] }

    package func propose(maximum: Int, beside load: PassLoad, into proposal: inout Proposal) {
        proposal.removeAll()
        let count = min(maximum, model.config.drafts)
        guard count > 0, !isFull, room >= count + model.config.firstSlot else { return }
        inject()
        if var growth {
            growth.tokens = min(growth.tokens, maximum)
            growth.depth = min(growth.depth, count)
            model.grow(growth, anchor: anchor, cache: cache, sampling: sampling, into: &proposal)
            return
        }
        block.reset(count: count)
        model.denoise(
            block, anchor: anchor, cache: cache, schedule: model.config.schedule(passes: passes, count: count),
            order: order, sampling: sampling, seed: sampling.seed)
        for index in 0..<count {
            let distribution = model.distribution(at: index, of: block, sampling)
            proposal.append(
                block.tokens[index],
                distribution ?? .point(block.tokens[index]),
                confidence: block.confidences[index])
        }
    }
}
