import SpeculateDrafter
import SpeculateShared

/// Earlier text: what followed the sequence's last tokens the last time. Looking costs nothing, so it is judged every
/// round, whether its find was drafted or not.
final class LookupCandidate: DraftCandidate {
    private static let longest = 32

    private let lookup = PromptLookupDrafter()
    private let costs: CostTable
    private let experience: Experience
    private var found = Proposal()
    /// Whether another drafter's tree began with the find as well; nil where it was not compared.
    private var isAlsoDrafted: Bool?
    private var count = 0

    init(costs: CostTable, experience: Experience) {
        self.costs = costs
        self.experience = experience
    }

    var drafter: any Drafter { lookup }

    func forget() {
        found.removeAll()
        isAlsoDrafted = nil
    }

    /// Looks for what may come; returns the place in `Experience.found` of what there is.
    func find(maximum: Int) -> Int? {
        lookup.propose(maximum: min(maximum, Self.longest), beside: .none, into: &found)
        return lookup.matched
    }

    func offer(_ outlook: RoundOutlook) -> DraftOffer? {
        let (count, rate) = worth(outlook)
        self.count = count
        return count > 0 ? DraftOffer(rate: rate) : nil
    }

    func rate(_ outlook: RoundOutlook) -> Double { worth(outlook).rate }

    /// How many of the tokens found to draft, and the tokens per second that they promise.
    private func worth(_ outlook: RoundOutlook) -> (count: Int, rate: Double) {
        guard let matched = outlook.matched else { return (0, 0) }
        let worth = experience.found[matched]
        var best = (count: 0, rate: 0.0)
        var (reached, tokens) = (worth.first.value, 1.0)
        for count in 1...found.tokens.count {
            tokens += reached
            let rate = (outlook.load.tokens + tokens) / costs.verify(rows: count + 1, beside: outlook.load)
            if rate > best.rate { best = (count, rate) }
            reached *= worth.next.value
        }
        return best
    }

    /// Whether another candidate is to be tried although earlier text promises more.
    var letsOthersTry: Bool { lookup.matched.map { experience.found[$0].pause.countDown() } ?? false }

    func draft(_ builder: DraftBuilder, into proposal: inout Proposal) {
        for token in found.tokens.prefix(count) { proposal.append(token) }
    }

    /// Makes the find a branch of another candidate's tree.
    func join(_ tree: inout Proposal, _ builder: DraftBuilder) {
        guard let matched = lookup.matched else { return }
        isAlsoDrafted = builder.graft(
            found.tokens, experience.found[matched], onto: &tree, own: tree.tokens.count)
    }

    /// How the find would have fared, or has: the tokens that came tell.
    func judge(_ tokens: ArraySlice<Int32>) {
        guard let matched = lookup.matched else { return }
        for (depth, (guess, token)) in zip(found.tokens, tokens).enumerated() {
            experience.found[matched].add(guess == token, depth: depth, isAlsoDrafted: isAlsoDrafted)
            if guess != token { return }
        }
    }

    /// Another candidate drafted where earlier text had something too: whether that one promises more now.
    func compare(with candidate: any DraftCandidate, _ outlook: RoundOutlook) {
        guard let matched = outlook.matched else { return }
        experience.found[matched].pause.tried(pays: candidate.rate(outlook) > rate(outlook))
    }

    func learn(_ proposal: Proposal, own: Int, accepted: [Int], outlook: RoundOutlook, times: RoundTimes?) {}
}
