import Testing

@testable import CLI
@testable import Speculate

/// The benchmark report's figures.
@Suite struct BenchReportTests {
    /// Plain decoding at 50 tokens per second, and a setting that is `value` times as fast on each prompt.
    private func series(_ ratios: [(category: String, value: Double)]) -> (plain: BenchSeries, drafted: BenchSeries) {
        var plain = BenchSeries(setting: "plain", temperature: 0, acceptance: "greedy")
        var drafted = BenchSeries(setting: "adaptive", temperature: 0, acceptance: "greedy")
        for (index, ratio) in ratios.enumerated() {
            plain.outcomes.append(outcome(index, ratio.category, seconds: 2))
            drafted.outcomes.append(outcome(index, ratio.category, seconds: 2 / ratio.value))
        }
        return (plain, drafted)
    }

    /// The outcome for an answer of 101 tokens.
    private func outcome(_ prompt: Int, _ category: String, seconds: Double) -> BenchOutcome {
        var statistics = CompletionStatistics()
        statistics.completionTokens = 101
        statistics.decodingTime = .seconds(seconds)
        let result = CompletionResult(
            text: "", promptTokens: [], tokens: [], finishReason: .length, statistics: statistics)
        var outcome = BenchOutcome(result, prompt: prompt, category: category, plain: [])
        outcome.add(statistics)
        return outcome
    }

    @Test("the rate over all prompts is all tokens by all time")
    func rate() {
        let (plain, drafted) = series([("a", 1), ("b", 4)])
        #expect(abs(plain.tokensPerSecond - 50) < 1e-9 && abs(drafted.tokensPerSecond - 80) < 1e-9)
        #expect(drafted.speedup(over: plain) == 2.5)
    }

    @Test("there is an interval only where every category has several prompts, and none of plain decoding")
    func intervals() throws {
        let (plain, few) = series([("a", 1), ("b", 4)])
        #expect(few.interval(over: plain) == nil && plain.interval(over: plain) == nil)
        let (base, many) = series([("a", 1), ("a", 2), ("b", 3), ("b", 4)])
        let interval = try #require(many.interval(over: base))
        #expect(interval.low < interval.high && interval.low >= 2 && interval.high <= 3)
    }
}
