import SpeculateDrafter
import SpeculateShared

/// A drafter written elsewhere: what it drafts and what that takes are known by trying alone.
final class CustomCandidate: DraftCandidate {
    let drafter: any Drafter
    private let costs: CostTable
    private let experience: CustomExperience
    /// Chances until it is tried again where it does not pay.
    private var pause = Pause(left: 0, burst: 6)

    init(_ drafter: any Drafter, costs: CostTable, experience: CustomExperience) {
        self.drafter = drafter
        self.costs = costs
        self.experience = experience
    }

    func offer(_ outlook: RoundOutlook) -> DraftOffer? {
        pause.countDown()
        return DraftOffer(rate: rate(outlook), depth: outlook.maximum, isTrial: pause.isDue)
    }

    func rate(of offer: DraftOffer, _ outlook: RoundOutlook) -> Double { rate(outlook) }

    private func rate(_ outlook: RoundOutlook) -> Double {
        let rows = Int(experience.drafted.value.rounded()) + 1
        return (outlook.load.tokens + 1 + experience.accepted.value)
            / (experience.seconds.value + costs.verify(rows: rows, beside: outlook.load))
    }

    func draft(_ offer: DraftOffer, _ builder: DraftBuilder, into proposal: inout Proposal) {
        drafter.propose(maximum: offer.depth, beside: builder.outlook.load, into: &proposal)
    }

    func learn(_ draft: ChosenDraft, _ proposal: Proposal, accepted: [Int], times: RoundTimes?) {
        drafter.learn(proposal, accepted: accepted, times: times)
        experience.accepted.add(Double(accepted.count))
        experience.drafted.add(Double(proposal.tokens.count))
        if let times { experience.seconds.add(times.draft) }
        pause.tried(pays: rate(draft.outlook) > draft.outlook.plainRate)
    }
}
