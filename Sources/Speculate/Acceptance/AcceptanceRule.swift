import SpeculateDrafter
import SpeculateShared

/// Decides how much of a draft is kept. Each rule is exact: whatever is drafted, the text has the verifier's
/// distribution, after temperature and every other transform. At temperature 0 that is one token, and all rules are
/// `greedy`.
public enum AcceptanceRule: String, CaseIterable, Sendable {
    /// The verifier's likeliest token, at temperature 0 alone.
    case greedy
    /// The same seed gives the same text as plain decoding.
    case match
    /// The same seed gives the same text as plain decoding; accepts more than `match` does.
    case coupled
    /// The distribution is plain decoding's, the text of a seed is not.
    case rejection
    /// The distribution is plain decoding's, the text of a seed is not; accepts at least as much as `rejection`.
    case block

    /// Whether a seed's text is plain decoding's.
    public var keepsSeededText: Bool { self == .greedy || self == .match || self == .coupled }

    /// See `Acceptance`.
    func judge(
        _ draft: Proposal, _ distributions: inout some VerifierDistributions, accepted: inout [Int]
    ) throws(Sampler.NonFiniteLogits) -> Int32 {
        switch self {
        case .greedy, .match, .coupled: try MatchAcceptance().judge(draft, &distributions, accepted: &accepted)
        case .rejection: try RejectionAcceptance().judge(draft, &distributions, accepted: &accepted)
        case .block: try BlockAcceptance().judge(draft, &distributions, accepted: &accepted)
        }
    }

    /// Whether a draft may be a tree.
    var takesTrees: Bool { keepsSeededText }

    /// How the verifier's own tokens are drawn.
    var draw: Sampler.Draw { self == .coupled ? .gumbel : .inverse }

    /// How a drafter should draw for this rule.
    func drafts(_ options: SamplingOptions) -> DraftSampling {
        switch self {
        // A token kept only when the verifier draws it too had best be the likeliest.
        case .greedy, .match: return .greedy
        case .coupled: return .gumbel(temperature: options.temperature, seed: options.seed)
        case .rejection, .block: return .random(temperature: options.temperature, seed: options.seed)
        }
    }
}
