/// What drafts have brought so far. Every completion begins with the experience of those before it.
struct Experience {
    /// Tokens accepted of a diffusion draft, by number of passes − 1; 1 of these is a tree where the rule takes trees.
    var accepted: [Average]
    /// How many tokens such a draft had.
    var drafted: [Average]
    /// Whether a draft was right at each depth, of those right before it, and what the drafter said of that.
    var right: [Average]
    var claimed: [Average]
    /// By the length of the n-gram that earlier text was found with: whether the first token was right, and the others.
    var found: [(first: Average, next: Average)]

    /// What a claim at a depth is to be multiplied with.
    func calibration(_ depth: Int) -> Double { right[depth].value / max(claimed[depth].value, 1e-3) }

    init(drafts: Int) {
        let depths = max(drafts, 1)
        accepted = (0..<2).map { _ in Average(0.6, weight: 8, rate: 0.02) }
        drafted = (0..<2).map { _ in Average(3, weight: 4, rate: 0.05) }
        right = (0..<depths).map { _ in Average(0.4, weight: 8, rate: 0.02) }
        claimed = (0..<depths).map { _ in Average(0.4, weight: 8, rate: 0.02) }
        found = [0.25, 0.5, 0.75, 0.9].map {
            (Average($0, weight: 3, rate: 0.08), Average(0.5 + $0 / 2, weight: 3, rate: 0.08))
        }
    }
}
