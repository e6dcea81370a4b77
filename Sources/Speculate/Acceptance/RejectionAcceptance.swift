import SpeculateDrafter
import SpeculateShared

/// Keeps xᵢ, drawn from qᵢ(·|x<ᵢ), with probability min(1, pᵢ(xᵢ)/qᵢ(xᵢ)); the first that is not kept gives way to a
/// draw from the normalised (pᵢ − qᵢ)+ (Leviathan, Kalman and Matias, "Fast inference from transformers via speculative
/// decoding", 2023; Chen et al., "Accelerating large language model decoding with speculative sampling", 2023).
/// The draft is a chain, qᵢ the law given the tokens before xᵢ alone, and whether xᵢ is judged may not depend on xᵢ.
package struct RejectionAcceptance: Acceptance {
    package init() {}

    package func judge(
        _ draft: Proposal, _ laws: inout some VerifierLaws, accepted: inout [Int]
    ) throws(Sampler.NonFiniteLogits) -> Int32 {
        accepted.removeAll(keepingCapacity: true)
        for (index, token) in draft.tokens.enumerated() {
            let law = draft.laws[index]
            let ratio = try laws.probability(of: token, at: index) / law.probability(of: token)
            guard laws.happens(min(1, ratio), at: index) else {
                return try laws.drawExcess(of: 1, over: law, at: index)
            }
            accepted.append(index)
        }
        return try laws.draw(at: draft.tokens.count)
    }
}
