import Speculate
import SpeculateShared

/// One setting at one temperature, under one rule, over all prompts.
struct BenchSeries: Encodable {
    let setting: String
    let temperature: Float
    let acceptance: String
    /// In the prompts' order.
    var outcomes: [BenchOutcome] = []

    /// Tokens per round over all prompts.
    var acceptanceLength: Double {
        Double(outcomes.reduce(0) { $0 + $1.tokens }) / Double(max(outcomes.reduce(0) { $0 + $1.rounds }, 1))
    }

    /// Of the drafts that reach each position, the share accepted up to and including it.
    var acceptedByPosition: [Double] {
        let longest = outcomes.map(\.draftedAt.count).max() ?? 0
        return (0..<longest).map { position in
            let of = { (counts: [Int]) in position < counts.count ? counts[position] : 0 }
            let drafted = outcomes.reduce(0) { $0 + of($1.draftedAt) }
            return Double(outcomes.reduce(0) { $0 + of($1.acceptedAt) }) / Double(max(drafted, 1))
        }
    }

    var shareOfPlainRounds: Double {
        Double(outcomes.reduce(0) { $0 + $1.plainRounds }) / Double(max(outcomes.reduce(0) { $0 + $1.rounds }, 1))
    }

    /// Over all prompts together, after each one's first token.
    var tokensPerSecond: Double {
        let measured = outcomes.filter { $0.speed > 0 && $0.tokens > 1 }
        let seconds = measured.reduce(0) { $0 + Double($1.tokens - 1) / $1.speed }
        return seconds > 0 ? Double(measured.reduce(0) { $0 + $1.tokens - 1 }) / seconds : 0
    }

    /// The speed-up over plain decoding, for each prompt that both have.
    func speedups(over plain: BenchSeries) -> [(category: String, value: Double)] {
        zip(outcomes, plain.outcomes).filter { $1.speed > 0 }.map { ($0.category, $0.speed / $1.speed) }
    }

    /// The mean over categories of the mean over their prompts.
    func speedup(over plain: BenchSeries) -> Double { Self.balanced(speedups(over: plain)) }

    static func balanced(_ values: [(category: String, value: Double)]) -> Double {
        Dictionary(grouping: values, by: \.category).values.map { $0.map(\.value).mean }.mean
    }

    /// The middle 95 % of the speed-up when prompts are resampled (bootstrap). nil if a category has only one prompt,
    /// which does not show how prompts differ, and for plain decoding itself.
    func interval(over plain: BenchSeries) -> (low: Double, high: Double)? {
        guard setting != plain.setting else { return nil }
        let groups = Array(Dictionary(grouping: speedups(over: plain), by: \.category).values)
        guard !groups.isEmpty, groups.allSatisfy({ $0.count > 1 }) else { return nil }
        let random = CounterRandom(seed: 0)
        var position = 0
        let means = (0..<1000).map { _ in
            groups.map { group in
                group.map { _ in
                    position += 1
                    return group[Int(random.uniform(position: position) * Double(group.count))].value
                }.mean
            }.mean
        }.sorted()
        return (means[25], means[974])
    }

    private enum CodingKeys: String, CodingKey { case setting, temperature, acceptance, outcomes }
}
