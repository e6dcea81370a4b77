import SpeculateDrafter
import SpeculateShared

/// Drafts each round with whichever candidate promises the most tokens per second, or not at all.
///
/// Earlier text costs nothing to look at: it is judged every round, drafted or not, and what it offers joins the tree of
/// another candidate that drafts one.
final class AdaptiveDrafter: CachingDrafter {
    private let lookup: LookupCandidate
    /// Those whose drafts cost passes or time of their own.
    private let others: [any DraftCandidate]
    private let costs: CostTable
    /// Who drafted the round in progress, for what round, and how many of its tokens are the drafter's own.
    private var drafted: (by: any DraftCandidate, outlook: RoundOutlook, own: Int)?

    init(_ others: [any DraftCandidate], costs: CostTable, experience: Experience) {
        lookup = LookupCandidate(costs: costs, experience: experience)
        self.others = others
        self.costs = costs
    }

    func begin(_ prompt: [Int32]) {
        lookup.drafter.begin(prompt)
        for candidate in others { candidate.drafter.begin(prompt) }
    }

    func observe(_ pass: PassResult, row: Int) { for candidate in others { candidate.drafter.observe(pass, row: row) } }

    func commit(_ tokens: ArraySlice<Int32>) {
        lookup.judge(tokens)
        lookup.drafter.commit(tokens)
        for candidate in others { candidate.drafter.commit(tokens) }
    }

    func propose(maximum: Int, beside load: PassLoad, into proposal: inout Proposal) {
        proposal.removeAll()
        drafted = nil
        lookup.forget()
        guard maximum > 0, costs.isMeasured else { return }
        let outlook = RoundOutlook(
            maximum: maximum, load: load, plainRate: costs.plainRate(beside: load),
            matched: lookup.find(maximum: maximum))
        let found = lookup.offer(outlook)
        let best = others.compactMap { candidate in candidate.offer(outlook).map { (candidate: candidate, offer: $0) } }
            .max { $0.offer.rate < $1.offer.rate }
        let rate = max(outlook.plainRate, found?.rate ?? 0, best?.offer.rate ?? 0)
        let builder = DraftBuilder(outlook: outlook, rate: rate, costs: costs)
        if let found, found.rate > max(outlook.plainRate, best?.offer.rate ?? 0), best == nil || !lookup.letsOthersTry {
            lookup.draft(builder, into: &proposal)
            drafted = (lookup, outlook, proposal.tokens.count)
        } else if let best, best.offer.rate > outlook.plainRate || best.offer.isTrial {
            best.candidate.draft(builder, into: &proposal)
            var own = proposal.tokens.count
            if best.offer.isOpen {
                lookup.join(&proposal, builder)
                builder.trim(&proposal)
                own = min(own, proposal.tokens.count)
            }
            drafted = (best.candidate, outlook, own)
        }
    }

    func learn(_ proposal: Proposal, accepted: [Int], times: RoundTimes?) {
        guard let (candidate, outlook, own) = drafted else { return }
        candidate.learn(proposal, own: own, accepted: accepted, outlook: outlook, times: times)
        if candidate !== lookup { lookup.compare(with: candidate, outlook) }
    }

    // MARK: The diffusion drafter's cache

    private var caching: (any CachingDrafter)? { others.lazy.compactMap { $0.drafter as? any CachingDrafter }.first }

    var hasCache: Bool { caching != nil }

    func injectedCache() -> KVCache? { caching?.injectedCache() }

    func adopt(_ count: Int, of other: KVCache) { caching?.adopt(count, of: other) }
}
