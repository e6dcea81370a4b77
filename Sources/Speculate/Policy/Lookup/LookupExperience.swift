/// What text found again has been worth so far, in all completions of an engine.
final class LookupExperience {
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

    /// By the length of the n-gram, as `PromptLookupDrafter.matched` numbers them.
    private var found = [
        Found(first: 0.55, agreed: 0.83, beside: 0.17, next: 0.66),
        Found(first: 0.7, agreed: 0.85, beside: 0.3, next: 0.67),
        Found(first: 0.77, agreed: 0.86, beside: 0.34, next: 0.78),
        Found(first: 0.87, agreed: 0.93, beside: 0.57, next: 0.85),
    ]

    subscript(place: Int) -> Found {
        get { found[place] }
        set { found[place] = newValue }
    }
}
