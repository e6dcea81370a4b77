import SpeculateDrafter

/// What drafts from text have been worth so far, in all completions of an engine.
final class TextExperience {
    let odds = FollowerOdds()
    /// Chances until another drafter is asked although text promises the most: by how much of the sequence's end has
    /// occurred before.
    var pauses = Array(repeating: Pause(), count: 5)
    /// Beside the tree of another drafter, that does not begin with it: whether the likeliest token was right, and how
    /// probable it was said to be.
    private var right = Average(0.12, weight: 16, rate: 0.02)
    private var claimed = Average(0.4, weight: 16, rate: 0.02)

    /// What a probability is to be multiplied with where the tree of another drafter lacks the token.
    var beside: Double { min(right.value / max(claimed.value, 1e-3), 1) }

    func learn(claimed probability: Double, isRight: Bool, isAlsoDrafted: Bool) {
        guard !isAlsoDrafted else { return }
        claimed.add(probability)
        right.add(isRight ? 1 : 0)
    }
}
