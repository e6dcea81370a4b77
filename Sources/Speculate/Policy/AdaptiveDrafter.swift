import SpeculateDrafter
import SpeculateVerifier

/// Drafts what promises the most tokens per second: from the diffusion model, from earlier text, or nothing.
///
/// A round with a draft of k tokens brings 1 + a tokens, a of the draft's, in T_draft + T_verify(k + 1). a is a running
/// mean; whichever drafter has the best (1 + a)/(T_draft + T_verify) is used, and the model is tried again now and then
/// where it is not. Earlier text costs nothing to look at: it is judged every round, drafted or not, and what it offers
/// becomes a branch of the model's tree.
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
    /// What earlier text offers in this round, and whether the model's tree begins with it as well.
    private var found = Proposal()
    private var isFoundDrafted: Bool?
    /// How many of the proposal's tokens are the model's.
    private var own = 0
    /// Chances until the model is tried again.
    private var pause = Pause(left: 0, burst: 6)
    /// Rounds in which two passes promised more than one.
    private var twoPassRounds = 0

    /// - Parameter trees: whether the acceptance rule takes them.
    init(_ diffusion: BlockDiffusionDrafter?, trees: Bool, costs: CostTable, experience: Experience) {
        self.diffusion = diffusion
        drafts = diffusion?.model.config.drafts ?? 0
        growsTrees = trees
        self.costs = costs
        self.experience = experience
    }

    func begin(_ prompt: [Int32]) {
        lookup.begin(prompt)
        diffusion?.begin(prompt)
    }

    var cache: KVCache? { diffusion?.cache }

    func adopt(_ count: Int, of other: KVCache) { diffusion?.adopt(count, of: other) }

    func observe(_ verifier: Verifier, row: Int) { diffusion?.observe(verifier, row: row) }

    func commit(_ tokens: ArraySlice<Int32>) {
        judgeFound(tokens)
        lookup.commit(tokens)
        diffusion?.commit(tokens)
    }

    // MARK: Choosing

    func propose(maximum: Int, into proposal: inout Proposal) {
        proposal.removeAll()
        found.removeAll()
        isFoundDrafted = nil
        choice = .none
        guard maximum > 0, costs.isMeasured else { return }
        lookup.propose(maximum: min(maximum, 32), into: &found)
        let plain = plainRate
        let (copied, copyRate) = worthOfFound()
        let (passes, diffusionRate) = bestPasses()
        if copied > 0, copyRate > max(plain, diffusionRate), passes == nil || !isModelDue {
            choice = .lookup
            for token in found.tokens.prefix(copied) { proposal.append(token) }
        } else if let passes, diffusionRate > plain || pause.isDue {
            choice = .diffusion(passes: passes)
            draft(passes, maximum, rate: max(plain, diffusionRate, copyRate), &proposal)
        }
    }

    /// Whether the model is to be asked although earlier text promises more.
    private var isModelDue: Bool { lookup.matched.map { experience.found[$0].pause.passes() } ?? false }

    /// How many of the tokens found in earlier text to draft, and the tokens per second that they promise.
    private func worthOfFound() -> (count: Int, rate: Double) {
        guard let matched = lookup.matched else { return (0, 0) }
        let worth = experience.found[matched]
        var best = (count: 0, rate: 0.0)
        var (reached, tokens) = (worth.first.value, 1.0)
        for count in 1...found.tokens.count {
            tokens += reached
            let rate = (costs.beside.tokens + tokens) / costs.verify(rows: count + 1)
            if rate > best.rate { best = (count, rate) }
            reached *= worth.next.value
        }
        return best
    }

    /// Tokens per second without drafts, and with those of so many passes; of all sequences in the pass.
    private var plainRate: Double { (costs.beside.tokens + 1) / costs.verify(rows: 1) }

    private func rate(_ passes: Int) -> Double {
        let rows = Int(experience.drafted(passes, lookup.matched).rounded()) + 1
        return (costs.beside.tokens + 1 + experience.accepted(passes, lookup.matched))
            / (costs.draft(slots: slots, passes: passes) + costs.verify(rows: rows))
    }

    /// The number of passes that promises the most, or one that is due for a trial.
    private func bestPasses() -> (Int?, Double) {
        guard diffusion != nil else { return (nil, 0) }
        let (one, two) = (rate(1), rate(2))
        _ = pause.passes()
        if two > one {
            // What two passes bring is counted from what one does now, which has to be known.
            twoPassRounds += 1
            return (twoPassRounds.isMultiple(of: 4) ? 1 : 2, two)
        }
        return experience.secondPass.passes() && one > plainRate ? (2, one) : (1, one)
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

    private func draft(_ passes: Int, _ maximum: Int, rate: Double, _ proposal: inout Proposal) {
        guard let diffusion else { return }
        let worth = { [costs] (index: Int) in
            Float(rate * costs.marginal(rows: index + 1))
        }
        let calibration = (0..<drafts).map { Float(experience.calibration($0)) }
        diffusion.passes = passes
        if growsTrees, passes == 1 {
            var growth = TreeGrowth(tokens: maximum, width: Self.widest, depth: slots)
            growth.calibration = calibration
            growth.threshold = worth
            diffusion.growth = growth
            diffusion.propose(maximum: maximum, into: &proposal)
            own = proposal.tokens.count
            graft(maximum, worth, &proposal)
            trim(rate, &proposal)
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
            own = proposal.tokens.count
        }
    }

    /// Makes the text found a branch of the model's tree, as far as it is worth its place.
    private func graft(_ maximum: Int, _ worth: (Int) -> Float, _ proposal: inout Proposal) {
        guard let matched = lookup.matched else { return }
        let known = experience.found[matched]
        var (parent, reached) = (-1, 1.0)
        for (depth, token) in found.tokens.enumerated() {
            let child = proposal.child(of: parent, token)
            if depth == 0 { isFoundDrafted = child != nil }
            if depth > 0 {
                reached *= known.next.value
                if child == nil, parent < own { reached *= min(1, known.beside.value / known.first.value) }
            } else {
                reached *= (child != nil ? known.agreed : known.beside).value
            }
            if let child {
                reached = max(reached, Double(proposal.confidences[child]))
                parent = child
            } else {
                guard proposal.tokens.count < maximum, Float(reached) >= worth(proposal.tokens.count) else { return }
                proposal.append(token, after: parent, probability: Float(reached))
                parent = proposal.tokens.count - 1
            }
        }
    }

    /// Leaves the first tokens of a tree that promise the most beyond what their rows take. The growth asks whether a
    /// token is worth its row where more follow it; some numbers of rows take longer than that.
    private func trim(_ rate: Double, _ proposal: inout Proposal) {
        var best = (count: 0, gain: 0.0)
        var tokens = 0.0
        for (index, confidence) in proposal.confidences.enumerated() {
            tokens += Double(confidence)
            let gain = tokens - rate * (costs.verify(rows: index + 2) - costs.verify(rows: 1))
            if gain > best.gain { best = (index + 1, gain) }
        }
        proposal.cut(to: best.count)
        own = min(own, best.count)
    }

    // MARK: Learning

    func learn(_ proposal: Proposal, accepted: [Int], times: RoundTimes?) {
        guard case .diffusion(let passes) = choice else { return }
        if let times { costs.observe(draft: times.draft, slots: slots, passes: passes) }
        experience.learn(accepted: accepted.count, drafted: proposal.tokens.count, passes, lookup.matched)
        if passes == 1 {
            pause.tried(pays: rate(1) > plainRate)
        } else {
            experience.secondPass.tried(pays: rate(2) > max(rate(1), plainRate))
        }
        learnConfidence(proposal, accepted)
        if let matched = lookup.matched {
            experience.found[matched].pause.tried(pays: rate(passes) > worthOfFound().rate)
        }
    }

    /// How the text found would have fared, or has: the tokens that came instead, or are it, tell.
    private func judgeFound(_ tokens: ArraySlice<Int32>) {
        guard let matched = lookup.matched else { return }
        for (depth, (guess, token)) in zip(found.tokens, tokens).enumerated() {
            let right = guess == token ? 1.0 : 0
            if depth > 0 {
                experience.found[matched].next.add(right)
            } else {
                experience.found[matched].first.add(right)
                switch isFoundDrafted {
                case true?: experience.found[matched].agreed.add(right)
                case false?: experience.found[matched].beside.add(right)
                case nil: break
                }
            }
            if guess != token { return }
        }
    }

    /// What was said of the followers of each token that was reached, and how it went.
    private func learnConfidence(_ proposal: Proposal, _ accepted: [Int]) {
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
