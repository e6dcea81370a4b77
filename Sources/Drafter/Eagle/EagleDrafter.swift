import SpeculateShared

/// Drafts for one sequence with an EAGLE-3 model: a chain, each token from the one before.
package final class EagleDrafter: CachingDrafter {
    /// Rows that may wait: those of a pass of the model, and those of a round whose tokens are not committed yet.
    private static let capacity = EagleScratch.rows + RowBatch.maximumTreeRows

    private let model: EagleModel
    private let sampling: DraftSampling
    /// Cell i holds token i + 1 beside the verifier's hidden states of token i.
    private let cache: KVCache
    private var tokens: [Int32] = []
    /// Hidden states [rows, taps, target hidden] of tokens that are not in the cache yet.
    private let pending: UnsafeMutablePointer<Float>
    private var pendingRows = 0
    /// [hidden] What the layer made of the cache's last row, and whether it did so here.
    private let hiddenState: UnsafeMutablePointer<Float>
    private let draftedHiddenState: UnsafeMutablePointer<Float>
    private var hasHiddenState = false
    /// The sequence has outgrown the drafter's context: its cache stops mid-sequence, so it proposes nothing more.
    private var isFull = false

    /// - Parameter capacity: the most tokens of the sequence.
    package init(
        _ model: EagleModel, sampling: DraftSampling = .greedy, capacity: Int
    ) throws(OutOfMemory) {
        self.model = model
        self.sampling = sampling
        cache = try model.makeCache(capacity: capacity)
        pending = .allocate(capacity: Self.capacity * model.config.featureWidth)
        hiddenState = .allocate(capacity: model.config.transformer.hidden)
        draftedHiddenState = .allocate(capacity: model.config.transformer.hidden)
    }

    deinit {
        pending.deallocate()
        hiddenState.deallocate()
        draftedHiddenState.deallocate()
    }

    package func begin(_ prompt: [Int32]) {
        cache.rollback(to: 0)
        tokens = prompt
        (pendingRows, hasHiddenState, isFull) = (0, false, false)
    }

    package var hasCache: Bool { true }

    package func injectedCache() -> KVCache? {
        inject()
        return cache
    }

    /// The last cell that it takes over holds the token that followed in the other sequence: drafts may be less apt for it.
    package func adopt(_ count: Int, of other: KVCache) {
        cache.adopt(count, of: other)
        (pendingRows, hasHiddenState) = (0, false)
    }

    package func observe(_ pass: PassResult, row: Int) {
        isFull = isFull || room == 0
        if isFull { return }
        if pendingRows == Self.capacity { inject() }
        let width = model.config.featureWidth
        (pending + pendingRows * width).update(from: pass.hiddenStates[row].baseAddress!, count: width)
        pendingRows += 1
    }

    package func commit(_ tokens: ArraySlice<Int32>) { self.tokens += tokens }

    /// Tokens that still fit into the drafter's context.
    private var room: Int { cache.capacity - cache.count - pendingRows }

    /// Reads what waits, as far as the tokens after it are known.
    private func inject() {
        let (first, width) = (cache.count, model.config.featureWidth)
        let count = min(pendingRows, tokens.count - 1 - first)
        guard count > 0 else { return }
        model.read(tokens[first + 1...first + count], pending, into: cache, hiddenState: hiddenState)
        hasHiddenState = true
        pendingRows -= count
        pending.update(from: pending + count * width, count: pendingRows * width)
    }

    package func propose(maximum: Int, beside load: PassLoad, into proposal: inout Proposal) {
        proposal.removeAll()
        let count = min(maximum, EagleConfig.drafts)
        guard count > 0, !isFull, room >= count else { return }
        inject()
        // What was taken over from another sequence leaves nothing to draft from until the next token.
        guard hasHiddenState, pendingRows == 0, cache.count == tokens.count - 1 else { return }
        let base = cache.count
        draftedHiddenState.update(from: hiddenState, count: model.config.transformer.hidden)
        for index in 0..<count {
            let (token, distribution) = model.predict(
                draftedHiddenState, index: index, position: tokens.count + index, sampling)
            proposal.append(token, distribution)
            if index + 1 < count { model.advance(token, into: cache, hiddenState: draftedHiddenState) }
        }
        cache.rollback(to: base)
    }
}
