import SpeculateDrafter
import SpeculateShared

/// The verifier's distributions along a draft and the matching random numbers: all that an acceptance rule sees.
///
/// Index 0 is the position after the committed tokens, index i + 1 the one after the draft's token i; the distribution
/// p there is conditioned on that token and all before it on its path.
public protocol VerifierDistributions {
    /// The verifier's own token at an index: the one that plain decoding would draw there.
    mutating func draw(at index: Int) throws(NonFiniteLogits) -> Int32
    /// p(token) at an index.
    mutating func probability(of token: Int32, at index: Int) throws(NonFiniteLogits) -> Double
    /// Σ (weight · p − q)+ at an index.
    mutating func excess(
        of weight: Double, over distribution: Proposal.Distribution, at index: Int
    ) throws(NonFiniteLogits) -> Double
    /// A draw from (weight · p − q)+, normalised.
    mutating func drawExcess(
        of weight: Double, over distribution: Proposal.Distribution, at index: Int
    ) throws(NonFiniteLogits) -> Int32
    /// True with this probability, independently at every index.
    mutating func happens(_ probability: Double, at index: Int) -> Bool
}
