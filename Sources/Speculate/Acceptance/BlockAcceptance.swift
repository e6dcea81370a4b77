import SpeculateDrafter
import SpeculateShared

/// Judges whole prefixes instead of tokens: with w₀ = 1 and wᵢ = min(1, wᵢ₋₁ · pᵢ(xᵢ)/qᵢ(xᵢ)), the prefix of i tokens
/// passes with probability eᵢ/(eᵢ + 1 − wᵢ), where eᵢ = Σ (wᵢ · pᵢ₊₁ − qᵢ₊₁)+, and the whole draft with probability w.
/// The longest prefix that passes is kept, followed by a draw from the normalised (wᵢ · pᵢ₊₁ − qᵢ₊₁)+, or from p after
/// the whole draft (Sun et al., "Block verification accelerates speculative decoding", 2024). No rule of this kind
/// accepts more. The draft must be a chain drawn from left to right.
package struct BlockAcceptance: Acceptance {
    package init() {}

    package func judge(
        _ draft: Proposal, _ distributions: inout some VerifierDistributions, accepted: inout [Int]
    ) throws(NonFiniteLogits) -> Int32 {
        let count = draft.tokens.count
        var weight = 1.0
        var kept = (count: 0, weight: 1.0)
        for index in 1..<count + 1 {
            let token = draft.tokens[index - 1]
            let ratio =
                try distributions.probability(of: token, at: index - 1)
                / draft.distributions[index - 1].probability(of: token)
            weight = min(1, weight * ratio)
            guard weight > 0 else { break }
            var passes = weight
            if index < count {
                let excess = try distributions.excess(of: weight, over: draft.distributions[index], at: index)
                passes = excess + 1 - weight > 0 ? excess / (excess + 1 - weight) : 1
            }
            if distributions.happens(passes, at: index - 1) { kept = (index, weight) }
        }
        accepted.removeAll(keepingCapacity: true)
        accepted += 0..<kept.count
        guard kept.count < count else { return try distributions.draw(at: count) }
        return try distributions.drawExcess(of: kept.weight, over: draft.distributions[kept.count], at: kept.count)
    }
}
