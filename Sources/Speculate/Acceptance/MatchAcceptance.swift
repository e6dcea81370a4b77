import SpeculateDrafter
import SpeculateShared

/// Draws y from p at every index and keeps drafted tokens while they are y. The text is y₁y₂…, which no draft has a part
/// in: exact for any draft, however built, and the same for a seed as without drafts.
///
/// - *greedy*: y = argmax p.
/// - *match*: y by inversion of p, with a uniform number keyed by (seed, position).
/// - *coupled*: y = argmax(log p + G), where the drafter proposes argmax(log q + G) with the same Gumbel noise G, keyed
///   by (seed, position, token). The two agree with probability Σ 1/Σ max(p/pᵢ, q/qᵢ), at least
///   (1 − d)/(1 + d) for a total-variation distance d (Daliri, Musco and Suresh, "Coupling without communication and
///   drafter-invariant speculative decoding", 2024).
package struct MatchAcceptance: Acceptance {
    package init() {}

    package func judge(
        _ draft: Proposal, _ laws: inout some VerifierLaws
    ) throws(Sampler.NonFiniteLogits) -> (accepted: Int, next: Int32) {
        for (index, token) in draft.tokens.enumerated() {
            let own = try laws.draw(at: index)
            if own != token { return (index, own) }
        }
        return (draft.tokens.count, try laws.draw(at: draft.tokens.count))
    }
}
