import SpeculateDrafter
import SpeculateShared

/// Keeps xᵢ, drawn from qᵢ(·|x<ᵢ), with probability min(1, pᵢ(xᵢ)/qᵢ(xᵢ)), and replaces the first rejected token by a
/// draw from the normalised (pᵢ − qᵢ)+ (Leviathan, Kalman and Matias, "Fast inference from transformers via speculative
/// decoding", 2023; Chen et al., "Accelerating large language model decoding with speculative sampling", 2023). The
/// draft must be a chain, qᵢ the distribution given only the tokens before xᵢ, and whether xᵢ is judged must not depend
/// on xᵢ.
package struct RejectionAcceptance: Acceptance {
    package init() {}

    package func judge(
        _ draft: Proposal, _ distributions: inout some VerifierDistributions, accepted: inout [Int]
    ) throws(NonFiniteLogits) -> Int32 {
        accepted.removeAll(keepingCapacity: true)
        for (index, token) in draft.tokens.enumerated() {
            let distribution = draft.distributions[index]
            let ratio = try distributions.probability(of: token, at: index) / distribution.probability(of: token)
            guard distributions.happens(min(1, ratio), at: index) else {
                return try distributions.drawExcess(of: 1, over: distribution, at: index)
            }
            accepted.append(index)
        }
        return try distributions.draw(at: draft.tokens.count)
    }
}
