import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport
@testable import Speculate

/// What comes out, whatever is drafted.
extension GenerationTests {
    @Test(
        "every rule gives the first tokens their distribution: χ² and total variation on a tiny model, fixed seeds",
        arguments: ["tiny-drafter", "tiny-dflash", "tiny-dflash2", "tiny-eagle3-own"]
            + SpeculateDrafter.DiffusionKind.allCases.filter { $0 != .absorbing }.map { "tiny-\($0.rawValue)" })
    func distributions(_ name: String) throws {
        let pair = try TinyPair(name)
        for rule in [AcceptanceRule.match, .coupled, .rejection, .block] {
            for passes in name.contains("eagle") ? [1] : [1, 2] {
                try check(pair, rule, passes: passes, draws: 3000, "\(name), \(rule), \(passes) passes")
            }
        }
    }

    @Test("what block said of tokens that it did not keep tells nothing of the next round", arguments: [0.4, 1])
    func rounds(_ temperature: Float) throws {
        let pair = try TinyPair()
        try check(pair, .block, passes: 1, draws: 12_000, temperature: temperature, depth: 4, "at \(temperature)")
    }

    private func check(
        _ pair: TinyPair, _ rule: AcceptanceRule, passes: Int, draws: Int, temperature: Float = 0.4, depth: Int = 2,
        _ name: Comment
    ) throws {
        let verifier = pair.verifier
        let prompt: [Int32] = [5, 9, 2, 14]
        // Cold enough that a few tokens hold most of the mass.
        var options = SamplingOptions(temperature: temperature)
        let sampler = Sampler(vocabularySize: verifier.config.vocabulary, kernels: verifier.kernels.table)
        func distribution(after tokens: [Int32]) throws -> [Double] {
            let batch = RowBatch(capacity: 16)
            batch.append(prompt + tokens, to: try verifier.makeCache(capacity: 16), logits: .last)
            return try sampler.probabilities(verifier.forward(batch).logits(0), options, history: TokenHistory())
        }
        let first = try distribution(after: [])
        let likely = first.indices.sorted { first[$0] > first[$1] }.prefix(6)
        var exact: [[Int32]: Double] = [:]
        for token in likely {
            for (next, probability) in try distribution(after: [Int32(token)]).enumerated() {
                exact[[Int32(token), Int32(next)]] = first[token] * probability
            }
        }
        exact = exact.filter { $0.value > 12 / Double(draws) }
        let rest = 1 - exact.values.reduce(0, +)
        #expect(exact.count >= 5)
        var counts: [[Int32]: Int] = [:]
        var drafted = 0
        for seed in 0..<draws {
            options.seed = UInt64(seed)
            let drafter = try pair.drafter(passes: passes, sampling: rule.drafts(options), capacity: 16)
            let result = try run(verifier, prompt, options, rule, maximum: depth + 1, depth: depth, drafter: drafter)
            guard result.tokens.count >= 2 else { continue }
            counts[Array(result.tokens.prefix(2)), default: 0] += 1
            drafted += result.statistics.drafted
        }
        #expect(drafted >= draws)
        let others = draws - exact.keys.reduce(0) { $0 + (counts[$1] ?? 0) }
        let cells = exact.map { ($0.value, counts[$0.key] ?? 0) } + [(rest, others)]
        let statistic = cells.reduce(0.0) { sum, cell in
            let expected = cell.0 * Double(draws)
            return sum + (Double(cell.1) - expected) * (Double(cell.1) - expected) / expected
        }
        let freedom = Double(cells.count - 1)
        #expect(statistic < freedom + 4.5 * (2 * freedom).squareRoot(), name)
        // At most twice the expected distance of fair counts.
        let variation = cells.reduce(0) { $0 + abs($1.0 - Double($1.1) / Double(draws)) } / 2
        let fair = cells.reduce(0) { $0 + ($1.0 / Double(draws)).squareRoot() } / 2
        #expect(variation < 2 * fair, name)
    }

    @Test("a drafter that knows the answer is accepted whole; one that is always wrong costs only rounds")
    func scripted() throws {
        let verifier = try Fixtures.verifier()
        let prompt = verifier.tokenizer.encode("Once upon a time, in a village by the sea,")
        for options in [SamplingOptions(), SamplingOptions(temperature: 1, seed: 5)] {
            let plain = try run(verifier, prompt, options, maximum: 40)
            let answer = plain.tokens
            let knowing = ScriptedDrafter { committed, maximum in
                Array(answer.dropFirst(committed.count - prompt.count).prefix(maximum))
            }
            let right = try run(verifier, prompt, options, maximum: 40, depth: 7, drafter: knowing)
            #expect(right.tokens == answer)
            #expect(right.statistics.rounds == (answer.count + 7) / 8)
            #expect(right.statistics.accepted == right.statistics.drafted)
            let wrong = ScriptedDrafter { committed, maximum in
                answer.dropFirst(committed.count - prompt.count).prefix(maximum).map { ($0 + 1) % 49152 }
            }
            let never = try run(verifier, prompt, options, maximum: 40, depth: 7, drafter: wrong)
            #expect(never.tokens == answer)
            #expect(never.statistics.accepted == 0 && never.statistics.rounds == answer.count)
            let silent = try run(
                verifier, prompt, options, maximum: 40, depth: 7, drafter: ScriptedDrafter { _, _ in [] })
            #expect(silent.tokens == answer && silent.statistics.drafted == 0)
        }
    }
}
