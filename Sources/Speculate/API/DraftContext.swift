import SpeculateShared

/// What a drafter is made for: one sequence, and what its drafts have to be.
public struct DraftContext: Sendable {
    /// Tokens of prompt and answer at most.
    public let capacity: Int
    /// Whether drafts have to be chains of tokens drawn from the distributions that they name; else trees will do, and
    /// likeliest tokens are the best ones.
    public let needsDistributions: Bool
    /// How the verifier's tokens are drawn.
    public let sampling: SamplingOptions
}
