import Speculate

/// The measurement of one setting on one prompt.
struct BenchOutcome: Encodable {
    let prompt: Int
    let category: String
    let tokens: Int
    let rounds: Int
    let plainRounds: Int
    let drafted: Int
    let accepted: Int
    let draftedAt: [Int]
    let acceptedAt: [Int]
    /// Tokens per second after the first token, one figure per repeat.
    var speeds: [Double] = []
    /// Milliseconds per round, one figure per repeat.
    var draftMs: [Double] = []
    var verifyMs: [Double] = []
    var otherMs: [Double] = []
    /// Whether the text equals plain decoding's.
    let isPlainText: Bool

    init(_ result: CompletionResult, prompt: Int, category: String, plain: [Int32]) {
        let s = result.statistics
        self.prompt = prompt
        self.category = category
        tokens = s.completionTokens
        rounds = s.rounds
        plainRounds = s.plainRounds
        drafted = s.drafted
        accepted = s.accepted
        draftedAt = s.draftedAt
        acceptedAt = s.acceptedAt
        isPlainText = result.tokens == plain
    }

    mutating func add(_ s: CompletionStatistics) {
        let rounds = Double(max(s.rounds, 1))
        speeds.append(s.tokensPerSecond)
        draftMs.append(s.draftTime / .milliseconds(1) / rounds)
        verifyMs.append(s.verifyTime / .milliseconds(1) / rounds)
        // The first round's time counts as time to first token, not as decoding.
        let whole = s.decodingTime / .milliseconds(1) / Double(max(s.rounds - 1, 1))
        otherMs.append(max(0, whole - draftMs[draftMs.count - 1] - verifyMs[verifyMs.count - 1]))
    }

    var speed: Double { speeds.median }
    var acceptanceLength: Double { Double(tokens) / Double(max(rounds, 1)) }
}

extension [Double] {
    var mean: Double { isEmpty ? 0 : reduce(0, +) / Double(count) }

    var median: Double {
        let sorted = sorted()
        guard !sorted.isEmpty else { return 0 }
        return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
    }
}
