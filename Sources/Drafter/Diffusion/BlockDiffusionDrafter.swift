import SpeculateVerifier

/// Drafts for one sequence with a block diffusion model.
package final class BlockDiffusionDrafter: Drafter {
    private let model: BlockDiffusionModel
    private let passes: Int
    private let order: RevealOrder
    private let sampling: DraftSampling
    private let cache: KVCache
    private let block = DraftBlock()
    private var anchor: Int32 = 0

    /// - Parameters:
    ///   - passes: denoising passes of a block, at least 1.
    ///   - capacity: the most tokens of the sequence.
    package init(
        _ model: BlockDiffusionModel, passes: Int = 1, order: RevealOrder = .leftToRight,
        sampling: DraftSampling = .greedy, capacity: Int
    ) {
        precondition(passes >= 1)
        self.model = model
        self.passes = passes
        self.order = order
        self.sampling = sampling
        cache = model.makeCache(capacity: capacity)
    }

    package func begin(_ prompt: [Int32]) {
        cache.rollback(to: 0)
        anchor = prompt[prompt.count - 1]
    }

    package func observe(_ verifier: Verifier, rows: Range<Int>) { model.inject(rows, of: verifier, into: cache) }

    package func commit(_ tokens: ArraySlice<Int32>) { anchor = tokens[tokens.endIndex - 1] }

    package func propose(maximum: Int, into proposal: inout Proposal) {
        proposal.removeAll()
        let count = min(maximum, model.config.drafts)
        guard count > 0 else { return }
        block.reset(count: count)
        model.denoise(
            block, anchor: anchor, cache: cache, schedule: model.config.schedule(passes: passes, count: count),
            order: order, sampling: sampling)
        for index in 0..<count {
            proposal.tokens.append(block.tokens[index])
            proposal.confidences.append(block.confidences[index])
            let law = model.law(at: index, of: block, sampling)
            proposal.laws.append(
                law.map { .probabilities($0, tokens: model.draftTokens) } ?? .point(block.tokens[index]))
        }
    }
}
