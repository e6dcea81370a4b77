/// What drafts of the diffusion model have brought so far, in all completions of an engine: one object, which each learns
/// into. It begins with what the committed drafter brought on prompts that it was trained with.
final class DiffusionExperience {
    /// What drafts bring, and how many tokens they have.
    private struct Yield {
        var accepted: Average
        var drafted: Average

        init(_ accepted: Double, _ drafted: Double, rate: Double) {
            self.accepted = Average(accepted, weight: 8, rate: rate)
            self.drafted = Average(drafted, weight: 8, rate: rate)
        }
    }

    /// Tokens accepted of drafts in one pass, where earlier text offers nothing: how easy the text
    /// is for it.
    private var plain = Yield(1.2, 3, rate: 0.02)
    /// What that changes by where earlier text offers something besides, by `RoundOutlook.repetition`: text that repeats
    /// itself is easier for every drafter. And what a second pass changes. Kept as differences, since some texts are
    /// harder than others and means of different times cannot be compared.
    private var offered = [(0.4, 0.3), (0.7, 0.5), (1, 0.8), (1.6, 1.3)].map { Yield($0, $1, rate: 0.01) }
    private var second = Yield(-0.2, -0.3, rate: 0.01)
    /// Whether another token was accepted after so many.
    var followed: [Average]
    /// Whether a draft was right at each depth, of those right before it, and what the drafter said of that.
    var right: [Average]
    var claimed: [Average]
    /// Chances until two passes are tried again.
    var secondPass = Pause(burst: 2, longest: 256)

    /// What a claim at a depth is to be multiplied with.
    func calibration(_ depth: Int) -> Double { right[depth].value / max(claimed[depth].value, 1e-3) }

    /// Tokens accepted of a draft of so many passes, where earlier text offers what it does.
    func accepted(_ passes: Int, _ place: Int?) -> Double { max(0, expected(passes, place, \.accepted)) }

    /// Tokens of such a draft.
    func drafted(_ passes: Int, _ place: Int?) -> Double { max(1, expected(passes, place, \.drafted)) }

    private func expected(_ passes: Int, _ place: Int?, _ what: KeyPath<Yield, Average>) -> Double {
        plain[keyPath: what].value + (place.map { offered[$0][keyPath: what].value } ?? 0)
            + (passes > 1 ? second[keyPath: what].value : 0)
    }

    func learn(accepted: Int, drafted: Int, _ passes: Int, _ place: Int?) {
        for (what, count) in [(\Yield.accepted, accepted), (\.drafted, drafted)] {
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
    }
}
