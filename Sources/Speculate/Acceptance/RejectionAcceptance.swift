import SpeculateDrafter
import SpeculateShared

/// Keeps xᵢ, drawn from qᵢ(·|x<ᵢ), with probability min(1, pᵢ(xᵢ)/qᵢ(xᵢ)); the first that is not kept gives way to a
/// draw from the normalised (pᵢ − qᵢ)+ (Leviathan, Kalman and Matias, "Fast inference from transformers via speculative
/// decoding", 2023; Chen et al., "Accelerating large language model decoding with speculative sampling", 2023).
/// The draft is a chain, qᵢ the distribution given the tokens before xᵢ alone, and whether xᵢ is judged may not depend
/// on xᵢ.
package struct RejectionAcceptance: Acceptance {
    package init() {}

    package func judge(
        _ draft: Proposal, _ distributions: inout some VerifierDistributions, accepted: inout [Int]
    ) throws(Sampler.NonFiniteLogits) -> Int32 {
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
