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
    private let experience: Experience
    private var passes = 1
    /// Chances until it is tried again where it does not pay.
    private var pause = Pause(left: 0, burst: 6)
    /// Rounds in which two passes promised more than one.
    private var twoPassRounds = 0

    /// - Parameter trees: whether the acceptance rule takes them.
    init(_ diffusion: BlockDiffusionDrafter, trees: Bool, costs: CostTable, experience: Experience) {
        self.diffusion = diffusion
        drafts = diffusion.model.config.drafts
        growsTrees = trees
        self.costs = costs
        self.experience = experience
    }

    var drafter: any Drafter { diffusion }

    func offer(_ outlook: RoundOutlook) -> DraftOffer? {
        let (one, two) = (rate(1, outlook), rate(2, outlook))
        pause.countDown()
        if two > one {
            // What two passes bring is counted from what one does now, which has to be known.
            twoPassRounds += 1
            passes = twoPassRounds.isMultiple(of: 4) ? 1 : 2
        } else {
            passes = experience.secondPass.countDown() && one > outlook.plainRate ? 2 : 1
        }
        return DraftOffer(rate: max(one, two), isTrial: pause.isDue, isOpen: growsTrees && passes == 1)
    }

    /// Tokens per second with the passes chosen last.
    func rate(_ outlook: RoundOutlook) -> Double { rate(passes, outlook) }

    private func rate(_ passes: Int, _ outlook: RoundOutlook) -> Double {
        let rows = Int(experience.drafted(passes, outlook.matched).rounded()) + 1
        return (outlook.load.tokens + 1 + experience.accepted(passes, outlook.matched))
            / (costs.draft(slots: slots, passes: passes) + costs.verify(rows: rows, beside: outlook.load))
    }

    /// As deep as drafts are right now and then: one more slot takes a hundredth of a round.
    private var slots: Int {
        var reached = 1.0
        for depth in 0..<drafts {
            reached *= experience.followed[depth].value
            if reached < 0.03 { return max(depth, 1) }
        }
        return drafts
    }

    func draft(_ builder: DraftBuilder, into proposal: inout Proposal) {
        let calibration = (0..<drafts).map { Float(experience.calibration($0)) }
        diffusion.passes = passes
        guard growsTrees, passes == 1 else {
            diffusion.growth = nil
            diffusion.propose(maximum: min(builder.maximum, slots), beside: builder.outlook.load, into: &proposal)
            return builder.cut(&proposal, calibration: calibration)
        }
        var growth = TreeGrowth(tokens: builder.maximum, width: Self.widest, depth: slots)
        growth.calibration = calibration
        growth.threshold = builder.threshold
        diffusion.growth = growth
        diffusion.propose(maximum: builder.maximum, beside: builder.outlook.load, into: &proposal)
    }

    func learn(_ proposal: Proposal, own: Int, accepted: [Int], outlook: RoundOutlook, times: RoundTimes?) {
        if let times { costs.observe(draft: times.draft, slots: slots, passes: passes) }
        experience.learn(accepted: accepted.count, drafted: proposal.tokens.count, passes, outlook.matched)
        let plainRate = costs.plainRate(beside: outlook.load)
        if passes == 1 {
            pause.tried(pays: rate(1, outlook) > plainRate)
        } else {
            experience.secondPass.tried(pays: rate(2, outlook) > max(rate(1, outlook), plainRate))
        }
        learnConfidence(proposal, own, accepted)
    }

    /// What was said of the followers of each token that was reached, and how it went.
    private func learnConfidence(_ proposal: Proposal, _ own: Int, _ accepted: [Int]) {
        let slots = slots  // Of the draft; what is learnt here changes the next one's.
        for depth in 0...accepted.count where depth < slots {
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
