import SpeculateDrafter
import SpeculateShared

/// Decides how much of a draft to keep. Each rule is exact: whatever is drafted, the text has the verifier's
/// distribution, after temperature and all other transforms. At temperature 0 that is a single token, and every rule is
/// `greedy`.
public enum AcceptanceRule: String, CaseIterable, Sendable {
    /// Keeps the verifier's likeliest token; only at temperature 0.
    case greedy
    /// The same seed gives the same text as plain decoding.
    case match
    /// The same seed gives the same text as plain decoding; accepts more than `match`.
    case coupled
    /// The distribution is plain decoding's, but the text of a seed is not.
    case rejection
    /// The distribution is plain decoding's, but the text of a seed is not; accepts at least as much as `rejection`.
    case block

    /// Whether a seed's text is plain decoding's.
    public var keepsSeededText: Bool { self == .greedy || self == .match || self == .coupled }

    /// See `Acceptance`.
    func judge(
        _ draft: Proposal, _ distributions: inout some VerifierDistributions, accepted: inout [Int]
    ) throws(NonFiniteLogits) -> Int32 {
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
        // A token that is kept only if the verifier draws it too should be the likeliest one.
        case .greedy, .match: return .greedy
        case .coupled: return .gumbel(temperature: options.temperature, seed: options.seed)
        case .rejection, .block: return .random(temperature: options.temperature, seed: options.seed)
        }
    }
}
