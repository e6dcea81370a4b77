import SpeculateDrafter
import SpeculateShared

/// An EAGLE drafter, as deep as it pays: each token takes a pass of its own, and is right less often than the one before.
final class EagleCandidate: DraftCandidate {
    let drafter: any Drafter
    private let costs: CostTable
    private let experience: EagleExperience
    /// Chances until it is tried again where it does not pay.
    private var pause = Pause(left: 0, burst: 6)

    init(_ drafter: any Drafter, costs: CostTable, experience: EagleExperience) {
        self.drafter = drafter
        self.costs = costs
        self.experience = experience
    }

    func offer(_ outlook: RoundOutlook) -> DraftOffer? {
        pause.countDown()
        let depths = 1...max(1, min(outlook.maximum, experience.right.count))
        let best = depths.max { rate($0, outlook) < rate($1, outlook) } ?? 1
        return DraftOffer(rate: rate(best, outlook), depth: best, isTrial: pause.isDue)
    }

    func rate(of offer: DraftOffer, _ outlook: RoundOutlook) -> Double { rate(offer.depth, outlook) }

    private func rate(_ depth: Int, _ outlook: RoundOutlook) -> Double {
        var (reached, accepted) = (1.0, 0.0)
        for right in experience.right.prefix(depth) {
            reached *= right.value
            accepted += reached
        }
        return (outlook.load.tokens + 1 + accepted)
            / (Double(depth) * experience.seconds.value + costs.verify(rows: depth + 1, beside: outlook.load))
    }

    func draft(_ offer: DraftOffer, _ builder: DraftBuilder, into proposal: inout Proposal) {
        drafter.propose(
            maximum: min(builder.maximum, offer.depth), beside: builder.outlook.load, into: &proposal)
    }

    func learn(_ draft: ChosenDraft, _ proposal: Proposal, accepted: [Int], times: RoundTimes?) {
        for depth in 0..<min(accepted.count + 1, proposal.tokens.count, experience.right.count) {
            experience.right[depth].add(depth < accepted.count ? 1 : 0)
        }
        if let times, !proposal.tokens.isEmpty {
            experience.seconds.add(times.draft / Double(proposal.tokens.count))
        }
        pause.tried(pays: rate(draft.offer.depth, draft.outlook) > draft.outlook.plainRate)
    }
}
