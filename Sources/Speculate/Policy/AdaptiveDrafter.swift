import SpeculateDrafter
import SpeculateShared

/// Drafts each round with whichever candidate promises the most tokens per second, or not at all; what the others found
/// joins its tree where it drafts one.
final class AdaptiveDrafter: CachingDrafter {
    private let candidates: [any DraftCandidate]
    private let costs: CostTable
    /// The draft of the round in progress.
    private var chosen: (by: any DraftCandidate, draft: ChosenDraft)?

    init(_ candidates: [any DraftCandidate], costs: CostTable) {
        self.candidates = candidates
        self.costs = costs
    }

    func begin(_ prompt: [Int32]) { for candidate in candidates { candidate.drafter.begin(prompt) } }

    func observe(_ pass: PassResult, row: Int) {
        for candidate in candidates { candidate.drafter.observe(pass, row: row) }
    }

    func observe(_ pass: PassResult, rows tokens: [Int32], parents: [Int], firstLogits: Int) {
        for candidate in candidates {
            candidate.drafter.observe(pass, rows: tokens, parents: parents, firstLogits: firstLogits)
        }
    }

    func commit(_ tokens: ArraySlice<Int32>) { for candidate in candidates { candidate.commit(tokens) } }

    func propose(maximum: Int, beside load: PassLoad, into proposal: inout Proposal) {
        guard costs.isMeasured else { return }
        var outlook = RoundOutlook(maximum: maximum, load: load, plainRate: costs.plainRate(beside: load))
        for candidate in candidates { candidate.look(&outlook) }
        guard let (best, candidate, offer) = choose(outlook) else { return }
        let builder = DraftBuilder(outlook: outlook, rate: max(best, outlook.plainRate), costs: costs)
        candidate.draft(offer, builder, into: &proposal)
        var own = proposal.tokens.count
        if offer.isOpen {
            for other in candidates where other !== candidate { other.join(&proposal, builder) }
            builder.trim(&proposal)
            own = min(own, proposal.tokens.count)
        }
        chosen = (candidate, ChosenDraft(offer: offer, outlook: outlook, own: own))
    }

    /// Who drafts, what it offers, and the best rate that anybody offers; nil where nobody's draft pays or is to be tried.
    private func choose(_ outlook: RoundOutlook) -> (best: Double, by: any DraftCandidate, DraftOffer)? {
        let offers = candidates.compactMap { candidate in candidate.offer(outlook).map { (by: candidate, offer: $0) } }
            .sorted { $0.offer.rate > $1.offer.rate }
        guard let best = offers.first else { return nil }
        var choice = best
        if best.offer.rate > outlook.plainRate, offers.count > 1, best.by.yields() { choice = offers[1] }
        if choice.offer.rate <= outlook.plainRate {
            guard let trial = offers.first(where: \.offer.isTrial) else { return nil }
            choice = trial
        }
        return (best.offer.rate, choice.by, choice.offer)
    }

    func learn(_ proposal: Proposal, accepted: [Int], times: RoundTimes?) {
        guard let (candidate, draft) = chosen else { return }
        chosen = nil
        candidate.learn(draft, proposal, accepted: accepted, times: times)
        for other in candidates where other !== candidate { other.compare(with: candidate, draft) }
    }

    // MARK: The file's drafter's cache

    private var caching: (any CachingDrafter)? {
        candidates.lazy.compactMap { $0.drafter as? any CachingDrafter }.first
    }

    var hasCache: Bool { caching != nil }

    func injectedCache() -> KVCache? { caching?.injectedCache() }

    func adopt(_ count: Int, of other: KVCache) { caching?.adopt(count, of: other) }
}
