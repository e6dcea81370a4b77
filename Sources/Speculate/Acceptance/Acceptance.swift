import SpeculateDrafter
import SpeculateShared

/// A rule that keeps the first tokens of a draft and adds one of the verifier's own. It answers for its own exactness: those
/// of this package are proved by enumeration.
public protocol Acceptance: Sendable {
    /// Judges a draft.
    /// - Parameters:
    ///   - draft: what was drafted.
    ///   - distributions: the verifier's, along the draft.
    ///   - accepted: set to the places in the draft of the tokens that are kept, each the parent of the next.
    /// - Returns: the token after them.
    func judge(
        _ draft: Proposal, _ distributions: inout some VerifierDistributions, accepted: inout [Int]
    ) throws(NonFiniteLogits) -> Int32
}
