import SpeculateShared

/// How probable it is that a token follows, by who says so: a logistic model of a few weights, learnt from what did follow.
/// Sources that agree add up.
package final class FollowerOdds {
    private static let rate = 0.02

    /// What the default model's answers to 500 prompts that it was trained with say (a logistic regression, smoothed), by
    /// `TextEvidence`'s places.
    private var weights: [Double] = [
        // In the sequence itself: after ends of 1, 2, 3, 4, 5 to 7, 8 to 15, 16 to 31, more tokens, as one of several tokens,
        1.1, 1.7, 1.7, 1.8, 2.1, 1.9, 1.9, 1.9,
        // as the only one,
        2.1, 3.0, 3.4, 3.8, 4.2, 4.7, 5.2, 5.7,
        // after a shorter end than another token.
        -0.2, 0.2, 0.2, 0.3, 0.9, 1.3, 1.3, 1.3,
        // The same in other sequences.
        0.5, 1.2, 1.3, 1.5, 1.8, 2.2, 2.9, 2.9,
        1.1, 1.9, 2.4, 2.6, 2.9, 3.8, 4.6, 4.8,
        -0.2, 0.2, 0.6, 0.9, 1.0, 1.0, 1.3, 1.3,
        // The likeliest after the last token alone, and the next ones; the same after the last two.
        1.4, 0.9, 0.5, 0.2, -0.1, -0.2, -0.4, -0.6,
        0.5, 0.2, 0.0, -0.3, -0.4, -0.4, -0.6, -0.6,
    ]
    /// What is known of a token without evidence.
    private var bias = -3.85

    package init() { assert(weights.count == TextEvidence.count) }

    package func probability(_ evidence: TextEvidence) -> Double {
        var sum = bias
        evidence.forEachPlace { sum += weights[$0] }
        return 1 / (1 + exp(-sum))
    }

    /// One step of gradient ascent on the likelihood of what was seen.
    package func learn(_ evidence: TextEvidence, follows: Bool) {
        let step = Self.rate * ((follows ? 1 : 0) - probability(evidence))
        bias += step
        evidence.forEachPlace { weights[$0] += step }
    }
}
