import SpeculateShared
import SpeculateVerifier

/// Drafts for one sequence with a block diffusion model.
package final class BlockDiffusionDrafter: Drafter {
    /// Set: drafts are trees grown from one pass. Nil: chains from `passes`.
    package var growth: TreeGrowth?
    package var passes: Int
    package let model: BlockDiffusionModel
    private let order: RevealOrder
    private let sampling: DraftSampling
    private let states: KVCache
    private let block = DraftBlock()
    private var anchor: Int32 = 0
    /// Hidden states [rows, taps, hidden] of tokens that are not injected yet: a draft needs them, and no one else.
    private let pending: UnsafeMutablePointer<Float>
    private var pendingRows = 0
    /// The sequence has more tokens than the drafter's context: what it kept ends in the middle, so it says no more.
    private var isFull = false
    private let width: Int

    /// - Parameters:
    ///   - passes: denoising passes of a block, at least 1.
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
        states = try model.makeCache(capacity: capacity)
        width = model.config.targetLayers.count * model.config.transformer.hidden
        pending = .allocate(capacity: DrafterState.rows * width)
    }

    deinit { pending.deallocate() }

    package func begin(_ prompt: [Int32]) {
        states.rollback(to: 0)
        pendingRows = 0
        isFull = false
        anchor = prompt[prompt.count - 1]
    }

    package var cache: KVCache? {
        if pendingRows > 0 { inject() }
        return states
    }

    package func adopt(_ count: Int, of other: KVCache) {
        states.adopt(count, of: other)
        pendingRows = 0
    }

    package func observe(_ verifier: Verifier, row: Int) {
        isFull = isFull || room == 0
        if isFull { return }
        if pendingRows == DrafterState.rows { inject() }
        (pending + pendingRows * width).update(from: verifier.hiddenStates(row: row), count: width)
        pendingRows += 1
    }

    /// Tokens and slots that still fit the drafter's context.
    private var room: Int { states.capacity - states.count - pendingRows }

    private func inject() {
        model.inject(pending, count: pendingRows, into: states)
        pendingRows = 0
    }

    package func commit(_ tokens: ArraySlice<Int32>) { anchor = tokens[tokens.endIndex - 1] }

    package func propose(maximum: Int, into proposal: inout Proposal) {
        proposal.removeAll()
        let count = min(maximum, model.config.drafts)
        guard count > 0, !isFull, room >= count + model.config.firstSlot else { return }
        if pendingRows > 0 { inject() }
        if var growth {
            growth.tokens = min(growth.tokens, maximum)
            growth.depth = min(growth.depth, count)
            model.grow(growth, anchor: anchor, cache: states, sampling: sampling, into: &proposal)
            return
        }
        block.reset(count: count)
        model.denoise(
            block, anchor: anchor, cache: states, schedule: model.config.schedule(passes: passes, count: count),
            order: order, sampling: sampling)
        for index in 0..<count {
            let distribution = model.distribution(at: index, of: block, sampling)
            proposal.append(
                block.tokens[index],
                distribution ?? .point(block.tokens[index]),
                confidence: block.confidences[index])
        }
    }
}
