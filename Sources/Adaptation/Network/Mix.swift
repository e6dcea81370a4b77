/// How much each distance between the verifier's distribution p and the drafter's q counts.
package struct Mix: Sendable {
    /// Σ p (log p − log q).
    package var kl: Float
    /// −log q of the verifier's likeliest token.
    package var likeliest: Float
    /// −log Σ min(p, q), of the share of drafts that speculative sampling accepts (Leviathan et al. 2023).
    package var acceptance: Float

    /// As drafters are trained for acceptance.
    package static let standard = Mix(kl: 0.5, likeliest: 0.7, acceptance: 0.3)

    package init(kl: Float, likeliest: Float, acceptance: Float) {
        self.kl = kl
        self.likeliest = likeliest
        self.acceptance = acceptance
    }
}
