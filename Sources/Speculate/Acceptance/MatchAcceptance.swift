import SpeculateDrafter
import SpeculateShared

/// Draws y from p at each position and accepts while the drafted token is y. The text is y₁y₂…, independent of the
/// draft: exact for any draft, however built, including trees, and for a seed the same as without drafts.
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
        _ draft: Proposal, _ distributions: inout some VerifierDistributions, accepted: inout [Int]
    ) throws(NonFiniteLogits) -> Int32 {
        accepted.removeAll(keepingCapacity: true)
        while true {
            let last = accepted.last ?? -1
            let own = try distributions.draw(at: last + 1)
            guard let next = draft.child(of: last, own) else { return own }
            accepted.append(next)
        }
    }
}
