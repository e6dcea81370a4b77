/// What drafts have brought so far, in all completions of an engine: one object, which each learns into. It begins with what
/// the committed drafter brought on prompts that it was trained with.
final class Experience {
    /// What drafts of the diffusion model bring, and how many tokens they have.
    private struct Diffusion {
        var accepted: Average
        var drafted: Average

        init(_ accepted: Double, _ drafted: Double, rate: Double) {
            self.accepted = Average(accepted, weight: 8, rate: rate)
            self.drafted = Average(drafted, weight: 8, rate: rate)
        }
    }

    /// What text found with an n-gram of one length is worth.
    struct Found {
        /// Whether its first token was right: always, where another drafter had it too, where that one did not.
        var first: Average
        var agreed: Average
        var beside: Average
        /// Whether a later one was, of those right before it.
        var next: Average
        /// Chances until another drafter is asked all the same.
        var pause = Pause()

        init(first: Double, agreed: Double, beside: Double, next: Double) {
            self.first = Average(first, weight: 3, rate: 0.05)
            self.agreed = Average(agreed, weight: 3, rate: 0.05)
            self.beside = Average(beside, weight: 3, rate: 0.05)
            self.next = Average(next, weight: 3, rate: 0.05)
        }

        /// Whether the token at a depth, behind others that were right, is right too.
        /// - Parameter isAlsoDrafted: whether another drafter had the first token too; nil where it was not compared.
        mutating func add(_ isRight: Bool, depth: Int, isAlsoDrafted: Bool?) {
            let right = isRight ? 1.0 : 0
            guard depth == 0 else { return next.add(right) }
            first.add(right)
            switch isAlsoDrafted {
            case true?: agreed.add(right)
            case false?: beside.add(right)
            case nil: break
            }
        }
    }

    /// What a drafter written elsewhere brings: tokens accepted and drafted per round, seconds per draft.
    struct Custom {
        var accepted = Average(1, weight: 4, rate: 0.02)
        var drafted = Average(3, weight: 4, rate: 0.02)
        var seconds = Average(0, weight: 1, rate: 0.05)
    }

    /// Tokens accepted of the diffusion model's drafts in one pass, where earlier text offers nothing: how easy the text
    /// is for it.
    private var plain = Diffusion(1.2, 3, rate: 0.02)
    /// What that changes by where earlier text offers something besides, by the place in `found`: text that repeats
    /// itself is easier for every drafter. And what a second pass changes. Kept as differences, since some texts are
    /// harder than others and means of different times cannot be compared.
    private var offered = [(0.4, 0.3), (0.7, 0.5), (1, 0.8), (1.6, 1.3)].map { Diffusion($0, $1, rate: 0.01) }
    private var second = Diffusion(-0.2, -0.3, rate: 0.01)
    /// Whether another token was accepted after so many.
    var followed: [Average]
    /// Whether a draft was right at each depth, of those right before it, and what the drafter said of that.
    var right: [Average]
    var claimed: [Average]
    /// By the length of the n-gram.
    var found: [Found]
    var custom = Custom()
    /// Chances until two passes are tried again.
    var secondPass = Pause(burst: 2, longest: 256)

    /// What a claim at a depth is to be multiplied with.
    func calibration(_ depth: Int) -> Double { right[depth].value / max(claimed[depth].value, 1e-3) }

    /// Tokens accepted of a draft of so many passes, where earlier text offers what it does.
    func accepted(_ passes: Int, _ place: Int?) -> Double { max(0, expected(passes, place, \.accepted)) }

    /// Tokens of such a draft.
    func drafted(_ passes: Int, _ place: Int?) -> Double { max(1, expected(passes, place, \.drafted)) }

    private func expected(_ passes: Int, _ place: Int?, _ what: KeyPath<Diffusion, Average>) -> Double {
        plain[keyPath: what].value + (place.map { offered[$0][keyPath: what].value } ?? 0)
            + (passes > 1 ? second[keyPath: what].value : 0)
    }

    func learn(accepted: Int, drafted: Int, _ passes: Int, _ place: Int?) {
        for (what, count) in [(\Diffusion.accepted, accepted), (\.drafted, drafted)] {
            // Every part is to make up for what the others leave.
            let surprise = Double(count) - expected(passes, place, what)
            plain[keyPath: what].move(by: surprise)
            if let place { offered[place][keyPath: what].move(by: surprise) }
            if passes > 1 { second[keyPath: what].move(by: surprise) }
        }
    }

    init(drafts: Int) {
        let depths = max(drafts, 1)
        followed = (0..<depths).map { Average($0 == 0 ? 0.7 : 0.4, weight: 8, rate: 0.02) }
        right = (0..<depths).map { _ in Average(0.65, weight: 8, rate: 0.02) }
        claimed = right
        found = [
            Found(first: 0.55, agreed: 0.83, beside: 0.17, next: 0.66),
            Found(first: 0.7, agreed: 0.85, beside: 0.3, next: 0.67),
            Found(first: 0.77, agreed: 0.86, beside: 0.34, next: 0.78),
            Found(first: 0.87, agreed: 0.93, beside: 0.57, next: 0.85),
        ]
    }
}
