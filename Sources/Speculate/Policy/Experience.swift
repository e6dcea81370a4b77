/// What drafts have brought so far. Every completion begins with the experience of those before it.
struct Experience {
    /// What drafts of the diffusion model bring: tokens accepted, and how many there were.
    struct Diffusion {
        var accepted: Average
        var drafted: Average
    }

    /// What text found with an n-gram of one length is worth.
    struct Found {
        /// Whether its first token was right: always, where the diffusion model drafted it as well, where it did not.
        var first: Average
        var agreed: Average
        var beside: Average
        /// Whether a later one was, of those right before it.
        var next: Average
        /// Chances until the diffusion model is asked all the same.
        var pause = Pause()

        init(_ guess: Double) {
            first = Average(guess, weight: 3, rate: 0.08)
            agreed = Average(guess / 2 + 0.5, weight: 3, rate: 0.08)
            beside = Average(guess / 2, weight: 3, rate: 0.08)
            next = Average(0.5 + guess / 2, weight: 3, rate: 0.08)
        }
    }

    /// With one pass, by what earlier text offers besides: nothing, or the place in `found` + 1. Text that repeats itself is
    /// easier for every drafter.
    var onePass: [Diffusion]
    /// With two passes, `accepted` more than with one at the same time: some texts are harder than others, so that means
    /// of different times cannot be compared.
    var twoPasses = Diffusion(
        accepted: Average(0, weight: 8, rate: 0.02), drafted: Average(3, weight: 4, rate: 0.05))
    /// Whether a draft was right at each depth, of those right before it, and what the drafter said of that.
    var right: [Average]
    var claimed: [Average]
    /// By the length of the n-gram.
    var found: [Found]
    /// Chances until two passes are tried again.
    var pause = Pause(burst: 2)

    /// What a claim at a depth is to be multiplied with.
    func calibration(_ depth: Int) -> Double { right[depth].value / max(claimed[depth].value, 1e-3) }

    init(drafts: Int) {
        let depths = max(drafts, 1)
        onePass = [0.6, 2, 2.5, 3, 4.5].map {
            Diffusion(accepted: Average($0, weight: 4, rate: 0.02), drafted: Average(2 + $0, weight: 4, rate: 0.05))
        }
        right = (0..<depths).map { _ in Average(0.4, weight: 8, rate: 0.02) }
        claimed = (0..<depths).map { _ in Average(0.4, weight: 8, rate: 0.02) }
        found = [0.25, 0.5, 0.75, 0.9].map { Found($0) }
    }
}
