import SpeculateDrafter
import SpeculateShared

/// A rule that keeps the first tokens of a draft and adds one of the verifier's own.
package protocol Acceptance: Sendable {
    /// - Returns: how many of the draft's tokens are kept, 0 to its count, and the token that follows them.
    func judge(
        _ draft: Proposal, _ laws: inout some VerifierLaws
    ) throws(Sampler.NonFiniteLogits) -> (accepted: Int, next: Int32)
}
