import SpeculateDrafter
import SpeculateVerifier

/// Drafts what promises the most tokens a second: from the diffusion model, from earlier text, or nothing.
///
/// A round with a draft of k tokens brings 1 + a tokens, a of the draft's, in T_draft + T_verify(k + 1). a is a running
/// mean; whichever drafter has the best (1 + a)/(T_draft + T_verify) is used, and the others are tried again now and then.
/// A token is worth its place in a draft while the probability that it and all before it are right exceeds what the
/// longer pass costs, in tokens that could be made in that time. What is decided on a token never depends on the token
/// itself, as *rejection* and *block* ask.
final class AdaptiveDrafter: Drafter {
    private enum Choice: Equatable {
        case none, lookup
        case diffusion(passes: Int)
    }

    private static let widest = 6

    private let lookup = PromptLookupDrafter()
    private let diffusion: BlockDiffusionDrafter?
    private let drafts: Int
    private let growsTrees: Bool
    private let costs: CostTable
    private(set) var experience: Experience
    private var choice = Choice.none
    private var found = Proposal()
    /// For each number of passes, and each length of n-gram: chances until it is tried again.
    private var passPauses: [Pause]
    private var foundPauses: [Pause]

    /// - Parameter trees: whether the acceptance rule takes them.
    init(_ diffusion: BlockDiffusionDrafter?, trees: Bool, costs: CostTable, experience: Experience) {
        self.diffusion = diffusion
        drafts = diffusion?.model.config.drafts ?? 0
        growsTrees = trees
        self.costs = costs
        self.experience = experience
        passPauses = [Pause(left: 0, burst: 6), Pause(burst: 2)]
        foundPauses = experience.found.map { _ in Pause() }
    }

    func begin(_ prompt: [Int32]) {
        lookup.begin(prompt)
        diffusion?.begin(prompt)
    }

    var cache: KVCache? { diffusion?.cache }

    func adopt(_ count: Int, of other: KVCache) { diffusion?.adopt(count, of: other) }

    func observe(_ verifier: Verifier, row: Int) { diffusion?.observe(verifier, row: row) }

    func commit(_ tokens: ArraySlice<Int32>) {
        lookup.commit(tokens)
        diffusion?.commit(tokens)
    }

    // MARK: Choosing

    func propose(maximum: Int, into proposal: inout Proposal) {
        proposal.removeAll()
        choice = .none
        guard maximum > 0 else { return }
        let plain = plainRate
        lookup.propose(maximum: min(maximum, 32), into: &found)
        let (copied, copyRate) = worthOfFound()
        let (passes, diffusionRate) = bestPasses()
        if copied > 0, copyRate > max(plain, diffusionRate) {
            choice = .lookup
            for token in found.tokens.prefix(copied) { proposal.append(token) }
        } else if let passes, diffusionRate > plain || passPauses[passes - 1].isDue {
            choice = .diffusion(passes: passes)
            draft(passes, maximum, rate: max(plain, diffusionRate), &proposal)
        } else if let token = found.tokens.first, let matched = lookup.matched, foundPauses[matched].passes() {
            choice = .lookup
            proposal.append(token)
        }
    }

    /// How many of the tokens found in earlier text to draft, and the tokens a second that they promise.
    private func worthOfFound() -> (count: Int, rate: Double) {
        guard let matched = lookup.matched else { return (0, 0) }
        let (first, next) = experience.found[matched]
        var best = (count: 0, rate: 0.0)
        var (reached, tokens) = (first.value, 1.0)
        for count in 1...found.tokens.count {
            tokens += reached
            let rate = (costs.beside.tokens + tokens) / costs.verify(rows: count + 1)
            if rate > best.rate { best = (count, rate) }
            reached *= next.value
        }
        return best
    }

    /// Tokens a second without drafts, and with those of so many passes; of all sequences in the pass.
    private var plainRate: Double { (costs.beside.tokens + 1) / costs.verify(rows: 1) }

    private func rate(_ passes: Int) -> Double {
        let index = passes - 1
        let rows = Int(experience.drafted[index].value.rounded()) + 1
        return (costs.beside.tokens + 1 + experience.accepted[index].value)
            / (costs.draft(slots: slots, passes: passes) + costs.verify(rows: rows))
    }

    /// The number of passes that promises the most, or one that is due for a trial.
    private func bestPasses() -> (Int?, Double) {
        guard diffusion != nil else { return (nil, 0) }
        let (one, two) = (rate(1), rate(2))
        if two > one { return (2, two) }
        let isTwoDue = passPauses[1].passes()
        _ = passPauses[0].passes()
        return isTwoDue && one > plainRate ? (2, one) : (1, one)
    }

    /// As deep as drafts are right more than now and then.
    private var slots: Int {
        var reached = 1.0
        for depth in 0..<drafts {
            reached *= experience.right[depth].value
            if reached < 0.04 { return max(depth, 1) }
        }
        return drafts
    }

    private func draft(_ passes: Int, _ maximum: Int, rate: Double, _ proposal: inout Proposal) {
        guard let diffusion else { return }
        let worth = { [costs] (index: Int) in
            Float(rate * (costs.verify(rows: index + 2) - costs.verify(rows: index + 1)))
        }
        let calibration = (0..<drafts).map { Float(experience.calibration($0)) }
        diffusion.passes = passes
        if growsTrees, passes == 1 {
            var growth = TreeGrowth(tokens: maximum, width: Self.widest, depth: slots)
            growth.calibration = calibration
            growth.threshold = worth
            diffusion.growth = growth
            diffusion.propose(maximum: maximum, into: &proposal)
        } else {
            diffusion.growth = nil
            diffusion.propose(maximum: min(maximum, slots), into: &proposal)
            var reached: Float = 1
            for index in proposal.tokens.indices {
                reached *= min(1, proposal.confidences[index] * calibration[index])
                guard reached < worth(index) else { continue }
                proposal.cut(to: index)
                break
            }
        }
    }

    // MARK: Learning

    func learn(_ proposal: Proposal, accepted: [Int], times: RoundTimes?) {
        if let times {
            if case .diffusion(let passes) = choice {
                costs.observe(draft: times.draft, slots: slots, passes: passes)
            }
        }
        switch choice {
        case .none: break
        case .lookup:
            guard let index = lookup.matched else { return }
            experience.found[index].first.add(accepted.isEmpty ? 0 : 1)
            for place in proposal.tokens.indices.dropFirst() where place <= accepted.count {
                experience.found[index].next.add(place < accepted.count ? 1 : 0)
            }
            foundPauses[index].tried(pays: !accepted.isEmpty)
        case .diffusion(let passes):
            experience.accepted[passes - 1].add(Double(accepted.count))
            experience.drafted[passes - 1].add(Double(proposal.tokens.count))
            learnConfidence(proposal, accepted)
            passPauses[passes - 1].tried(pays: rate(passes) > plainRate)
        }
    }

    /// What was said of the followers of each token that was reached, and how it went.
    private func learnConfidence(_ proposal: Proposal, _ accepted: [Int]) {
        for depth in 0...accepted.count where depth < drafts {
            let parent = depth == 0 ? -1 : accepted[depth - 1]
            let followers = proposal.tokens.indices.filter { proposal.parents[$0] == parent }
            guard !followers.isEmpty else { return }
            let isTree = proposal.laws.isEmpty
            let said = followers.reduce(Float(0)) { $0 + proposal.confidences[$1] }
            let above = isTree && parent >= 0 ? proposal.confidences[parent] : 1
            let raw = Double(said / max(above, 1e-6)) / (isTree ? max(experience.calibration(depth), 1e-3) : 1)
            experience.claimed[depth].add(min(raw, 1))
            experience.right[depth].add(depth < accepted.count ? 1 : 0)
        }
    }
}
