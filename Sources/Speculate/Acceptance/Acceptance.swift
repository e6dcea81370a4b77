import SpeculateDrafter
import SpeculateShared

/// A rule that keeps the first tokens of a draft and adds one of the verifier's own.
package protocol Acceptance: Sendable {
    /// - Parameter accepted: becomes the places in the draft of the tokens that are kept, each the parent of the next.
    /// - Returns: the token that follows them.
    func judge(
        _ draft: Proposal, _ distributions: inout some VerifierDistributions, accepted: inout [Int]
    ) throws(Sampler.NonFiniteLogits) -> Int32
}
