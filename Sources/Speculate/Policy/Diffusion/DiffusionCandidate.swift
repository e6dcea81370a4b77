import SpeculateDrafter
import SpeculateShared

/// The block diffusion drafter, in one denoising pass or two: trees from one, where the acceptance rule takes them.
final class DiffusionCandidate: DraftCandidate {
    /// The most tokens that follow one and the same.
    private static let widest = 6

    private let diffusion: BlockDiffusionDrafter
    private let drafts: Int
    private let growsTrees: Bool
    private let costs: CostTable
    private let experience: DiffusionExperience
    /// Chances until it is tried again where it does not pay.
    private var pause = Pause(left: 0, burst: 6)
    /// Rounds in which two passes promised more than one.
    private var twoPassRounds = 0

    /// - Parameter trees: whether the acceptance rule takes them.
    init(_ diffusion: BlockDiffusionDrafter, trees: Bool, costs: CostTable, experience: DiffusionExperience) {
        self.diffusion = diffusion
        drafts = diffusion.model.config.drafts
        growsTrees = trees
        self.costs = costs
        self.experience = experience
    }

    var drafter: any Drafter { diffusion }

    func offer(_ outlook: RoundOutlook) -> DraftOffer? {
        let depth = depth
        let (one, two) = (rate(1, depth, outlook), rate(2, depth, outlook))
        pause.countDown()
        let passes: Int
        if two > one {
            // What two passes bring is counted from what one does now, which has to be known.
            twoPassRounds += 1
            passes = twoPassRounds.isMultiple(of: 4) ? 1 : 2
        } else {
            let isDue = experience.secondPass.countDown() && one > outlook.plainRate
            passes = isDue && couldPay(twoPassesAt: depth, one, outlook) ? 2 : 1
        }
        return DraftOffer(
            rate: max(one, two), depth: depth, passes: passes, isTrial: pause.isDue,
            isOpen: growsTrees && passes == 1)
    }

    func rate(of offer: DraftOffer, _ outlook: RoundOutlook) -> Double { rate(offer.passes, offer.depth, outlook) }

    private func rate(_ passes: Int, _ depth: Int, _ outlook: RoundOutlook) -> Double {
        let rows = Int(experience.drafted(passes, outlook.repetition).rounded()) + 1
        return (outlook.load.tokens + 1 + experience.accepted(passes, outlook.repetition))
            / (costs.draft(slots: depth, passes: passes) + costs.verify(rows: rows, beside: outlook.load))
    }

    /// Whether two passes would be better than one if all that they draft were accepted. Those of other processes than
    /// masking may take so much longer that trying them would be noticed.
    private func couldPay(twoPassesAt depth: Int, _ one: Double, _ outlook: RoundOutlook) -> Bool {
        guard diffusion.model.config.process != .absorbing else { return true }
        let time =
            costs.draft(slots: depth, passes: 2) + costs.verify(rows: drafts + 1, beside: outlook.load)
        return (outlook.load.tokens + 1 + Double(drafts)) / time > one
    }

    /// As deep as drafts are right now and then: one more slot takes a hundredth of a round.
    private var depth: Int {
        var reached = 1.0
        for depth in 0..<drafts {
            reached *= experience.followed[depth].value
            if reached < 0.03 { return max(depth, 1) }
        }
        return drafts
    }

    func draft(_ offer: DraftOffer, _ builder: DraftBuilder, into proposal: inout Proposal) {
        let calibration = (0..<drafts).map { Float(experience.calibration($0)) }
        diffusion.passes = offer.passes
        guard offer.isOpen else {
            diffusion.growth = nil
            diffusion.propose(maximum: min(builder.maximum, offer.depth), beside: builder.outlook.load, into: &proposal)
            return builder.cut(&proposal, calibration: calibration)
        }
        var growth = TreeGrowth(tokens: builder.maximum, width: Self.widest, depth: offer.depth)
        growth.calibration = calibration
        growth.threshold = builder.threshold
        diffusion.growth = growth
        diffusion.propose(maximum: builder.maximum, beside: builder.outlook.load, into: &proposal)
    }

    func learn(_ draft: ChosenDraft, _ proposal: Proposal, accepted: [Int], times: RoundTimes?) {
        let (passes, depth, outlook) = (draft.offer.passes, draft.offer.depth, draft.outlook)
        if let times { costs.observe(draft: times.draft, slots: depth, passes: passes) }
        experience.learn(accepted: accepted.count, drafted: proposal.tokens.count, passes, outlook.repetition)
        let plainRate = costs.plainRate(beside: outlook.load)
        let one = rate(1, depth, outlook)
        if passes == 1 {
            pause.tried(pays: one > plainRate)
        } else {
            experience.secondPass.tried(pays: rate(2, depth, outlook) > max(one, plainRate))
        }
        learnConfidence(proposal, draft, accepted)
    }

    /// What was said of the followers of each token that was reached, and how it went.
    private func learnConfidence(_ proposal: Proposal, _ draft: ChosenDraft, _ accepted: [Int]) {
        let own = draft.own
        for depth in 0...accepted.count where depth < draft.offer.depth {
            let isFollowed = depth < accepted.count && accepted[depth] < own
            experience.followed[depth].add(isFollowed ? 1 : 0)
            let parent = depth == 0 ? -1 : accepted[depth - 1]
            let followers = (0..<own).filter { proposal.parents[$0] == parent }
            guard !followers.isEmpty else { return }
            let isTree = proposal.distributions.isEmpty
            let said = followers.reduce(Float(0)) { $0 + proposal.confidences[$1] }
            let above = isTree && parent >= 0 ? proposal.confidences[parent] : 1
            let raw = Double(said / max(above, 1e-6)) / (isTree ? max(experience.calibration(depth), 1e-3) : 1)
            experience.claimed[depth].add(min(raw, 1))
            experience.right[depth].add(isFollowed ? 1 : 0)
        }
    }
}
