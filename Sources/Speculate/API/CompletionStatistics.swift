import SpeculateDrafter

/// What a completion cost. Times are wall-clock.
public struct CompletionStatistics: Equatable, Sendable {
    public var promptTokens = 0
    /// Prompt tokens taken from the cache.
    public var cachedPromptTokens = 0
    /// Tokens of the answer, including an end token.
    public var completionTokens = 0
    /// From the request to the first token.
    public var timeToFirstToken: Duration = .zero
    /// From the first token to the last.
    public var decodingTime: Duration = .zero
    /// Time spent drafting and in verifier passes, over rounds that shared their passes with no other completion.
    public var draftTime: Duration = .zero
    public var verifyTime: Duration = .zero
    /// Verifier passes after the prompt.
    public var rounds = 0
    /// Passes without a draft.
    public var plainRounds = 0
    /// Tokens drafted, and how many of them were accepted.
    public var drafted = 0
    public var accepted = 0
    /// Of the drafts that reach position i, how many were accepted there: entry i of `acceptedAt` over `draftedAt`.
    public var draftedAt: [Int] = []
    public var acceptedAt: [Int] = []
    /// Why nothing was drafted, if so.
    public var speculationOff: String?

    public init() {}

    /// Tokens per round, including the verifier's own: the acceptance length τ.
    public var acceptanceLength: Double { rounds == 0 ? 0 : Double(completionTokens) / Double(rounds) }

    /// Tokens per second after the first.
    public var tokensPerSecond: Double {
        guard completionTokens > 1, decodingTime > .zero else { return 0 }
        return Double(completionTokens - firstRoundTokens) / (decodingTime / .seconds(1))
    }

    /// Tokens that arrived with the first: their time counts as time to first token.
    var firstRoundTokens = 1

    mutating func record(_ draft: Proposal, accepted kept: Int) {
        let count = draft.depth
        rounds += 1
        if count == 0 { plainRounds += 1 }
        drafted += draft.tokens.count
        accepted += kept
        while draftedAt.count < count {
            draftedAt.append(0)
            acceptedAt.append(0)
        }
        for position in 0..<count {
            draftedAt[position] += 1
            if position < kept { acceptedAt[position] += 1 }
        }
    }
}
