import SpeculateDrafter
import SpeculateShared

/// A drafter written elsewhere: what it drafts and what that takes are known by trying alone.
final class CustomCandidate: DraftCandidate {
    let drafter: any Drafter
    private let costs: CostTable
    private let experience: Experience
    /// Chances until it is tried again where it does not pay.
    private var pause = Pause(left: 0, burst: 6)

    init(_ drafter: any Drafter, costs: CostTable, experience: Experience) {
        self.drafter = drafter
        self.costs = costs
        self.experience = experience
    }

    func offer(_ outlook: RoundOutlook) -> DraftOffer? {
        pause.countDown()
        return DraftOffer(rate: rate(outlook), isTrial: pause.isDue)
    }

    func rate(_ outlook: RoundOutlook) -> Double {
        let rows = Int(experience.custom.drafted.value.rounded()) + 1
        return (outlook.load.tokens + 1 + experience.custom.accepted.value)
            / (experience.custom.seconds.value + costs.verify(rows: rows, beside: outlook.load))
    }

    func draft(_ builder: DraftBuilder, into proposal: inout Proposal) {
        drafter.propose(maximum: builder.maximum, beside: builder.outlook.load, into: &proposal)
    }

    func learn(_ proposal: Proposal, own: Int, accepted: [Int], outlook: RoundOutlook, times: RoundTimes?) {
        drafter.learn(proposal, accepted: accepted, times: times)
        experience.custom.accepted.add(Double(accepted.count))
        experience.custom.drafted.add(Double(proposal.tokens.count))
        if let times { experience.custom.seconds.add(times.draft) }
        pause.tried(pays: rate(outlook) > outlook.plainRate)
    }
}
