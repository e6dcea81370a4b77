import Foundation
@testable import SpeculateShared
import Testing
import TestSupport

@Suite struct SamplingTests {
    let kernels = Kernels.available.last!.table

    /// The distribution, computed naively in double precision.
    func naive(_ logits: [Float], _ o: SamplingOptions, _ history: TokenHistory) -> [Double] {
        var x = logits.map(Double.init)
        for (token, bias) in o.logitBias { x[Int(token)] += Double(bias) }
        for token in x.indices {
            let count = history.answer[Int32(token)] ?? 0
            guard count > 0 || history.prompt.contains(Int32(token)) else { continue }
            x[token] = x[token] > 0 ? x[token] / Double(o.repetitionPenalty) : x[token] * Double(o.repetitionPenalty)
            if count > 0 { x[token] -= Double(o.presencePenalty) + Double(count) * Double(o.frequencyPenalty) }
        }
        let greatest = x.max()!
        var p = x.map { exp(($0 - greatest) / Double(o.temperature)) }
        let order = p.indices.sorted { (p[$1], $0) < (p[$0], $1) }
        var kept = o.topK > 0 ? Array(order.prefix(o.topK)) : order
        let mass = kept.reduce(0) { $0 + p[$1] }
        if o.topP < 1 {
            var sum = 0.0
            kept = Array(
                kept.prefix { token in
                    defer { sum += p[token] }
                    return sum < Double(o.topP) * mass
                })
        }
        kept.removeAll { p[$0] < Double(o.minP) }
        let set = Set(kept)
        for token in p.indices where !set.contains(token) { p[token] = 0 }
        let total = p.reduce(0, +)
        return p.map { $0 / total }
    }

    @Test("parts of what is drawn with a seed share none with those of another seed")
    func seedsOfParts() {
        let seeds = (UInt64(0)..<50).flatMap { seed in (0..<4).map { CounterRandom(seed: seed).seed(ofPart: $0) } }
        #expect(Set(seeds).count == 200)
    }

    static let distributions: [SamplingOptions] = [
        SamplingOptions(temperature: 1), SamplingOptions(temperature: 0.7), SamplingOptions(temperature: 5),
        SamplingOptions(temperature: 1, topK: 7), SamplingOptions(temperature: 1, topP: 0.8),
        SamplingOptions(temperature: 2, topP: 0.999), SamplingOptions(temperature: 1, minP: 0.05),
        SamplingOptions(temperature: 0.9, topK: 40, topP: 0.9, minP: 0.01),
        SamplingOptions(temperature: 1, topK: 1), SamplingOptions(temperature: 1, topK: 5000, topP: 0.5),
        SamplingOptions(temperature: 1, repetitionPenalty: 1.5, presencePenalty: 0.4, frequencyPenalty: 0.2),
        SamplingOptions(temperature: 0.8, topP: 0.95, frequencyPenalty: -0.5, logitBias: [3: 4, 9: -1000]),
    ]

    @Test("the distribution is the one in the documentation, transform by transform", arguments: distributions)
    func distribution(options: SamplingOptions) throws {
        var rng = SplitMix(1)
        for count in [1, 10, 300, 2000] {
            let logits = rng.floats(count, in: -6...6)
            var options = options
            options.logitBias = options.logitBias.filter { Int($0.key) < count }
            var history = TokenHistory(prompt: [0, Int32(count / 2)])
            for token in [0, count / 3, count / 3] { history.append(Int32(token)) }
            let sampler = Sampler(vocabularySize: count, kernels: kernels)
            let distribution = try sampler.probabilities(logits, options, history: history)
            let expected = naive(logits, options, history)
            for (p, q) in zip(distribution, expected) {
                #expect(abs(p - q) < 1e-5)
                #expect((p == 0) == (q == 0) || q < 1e-30)
            }
        }
    }

    @Test("temperature 0 takes the likeliest after bias and penalties, the lowest id among equals")
    func greedy() throws {
        let sampler = Sampler(vocabularySize: 5, kernels: kernels)
        let logits: [Float] = [1, 3, 3, 2, -1]
        let none = TokenHistory()
        #expect(try sampler.sample(logits, SamplingOptions(), history: none, position: 0) == 1)
        #expect(try sampler.sample(logits, SamplingOptions(logitBias: [4: 10]), history: none, position: 0) == 4)
        let seen = TokenHistory(prompt: [1])
        #expect(try sampler.sample(logits, SamplingOptions(repetitionPenalty: 2), history: seen, position: 0) == 2)
        #expect(throws: NonFiniteLogits.self) {
            try sampler.sample([.nan, .nan, .nan, .nan, .nan], SamplingOptions(), history: none, position: 0)
        }
        #expect(throws: NonFiniteLogits.self) {
            try sampler.sample([1, .infinity, 0, 0, 0], SamplingOptions(temperature: 1), history: none, position: 0)
        }
    }

    @Test("Philox 4×32-10 gives the published numbers")
    func philox() {
        let zero = CounterRandom.philox(counter: (0, 0, 0, 0), key: (0, 0))
        #expect(zero == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        let ones = CounterRandom.philox(counter: (.max, .max, .max, .max), key: (.max, .max))
        #expect(ones == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        let pi = CounterRandom.philox(
            counter: (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: (0xa409_3822, 0x299f_31d0))
        #expect(pi == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
        let draws = (0..<10_000).map { CounterRandom(seed: 5).uniform(position: $0) }
        #expect(draws.allSatisfy { (0..<1).contains($0) })
        #expect(abs(draws.reduce(0, +) / 10_000 - 0.5) < 0.01)
        #expect(Set(draws).count == 10_000)
    }

    @Test("settings out of range are named")
    func problems() {
        let cases: [(String, SamplingOptions)] = [
            ("temperature", .init(temperature: -1)), ("temperature", .init(temperature: .nan)),
            ("top_k", .init(topK: -1)), ("top_p", .init(topP: -0.1)), ("min_p", .init(minP: 2)),
            ("repetition", .init(repetitionPenalty: 0)), ("presence", .init(presencePenalty: .infinity)),
            ("frequency", .init(frequencyPenalty: .nan)), ("token 10", .init(logitBias: [10: 1])),
            ("token -1", .init(logitBias: [-1: 1])), ("bias of token 3", .init(logitBias: [3: .nan])),
            (
                "logit_bias has 1025",
                .init(logitBias: Dictionary(uniqueKeysWithValues: (0..<1025).map { (Int32($0), 1) }))
            ),
        ]
        for (word, options) in cases { #expect(options.problem(vocabularySize: 10)?.contains(word) == true) }
        for options in Self.distributions { #expect(options.problem(vocabularySize: 100) == nil) }
    }

    @Test(
        "every number is either refused in words or leaves a distribution: a token is always drawn, one that may be"
    )
    func numbers() throws {
        let numbers: [Float] = [
            0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude,
            .leastNormalMagnitude / 100, 1e-30, 1e-10, 9e-6,
            1e-5,
            1e-3, 0.1, 0.5, 1, (1 as Float).nextDown, 2, 100, 1000, 1000.5, 1e10, 1e30, .greatestFiniteMagnitude,
            .infinity, -.infinity, .nan, .signalingNaN, -1, -1000, -1e30, .ulpOfOne,
        ]
        let fields: [(String, WritableKeyPath<SamplingOptions, Float>)] = [
            ("temperature", \.temperature), ("top_p", \.topP), ("min_p", \.minP),
            ("repetition_penalty", \.repetitionPenalty), ("presence_penalty", \.presencePenalty),
            ("frequency_penalty", \.frequencyPenalty),
        ]
        let count = 700
        let sampler = Sampler(vocabularySize: count, kernels: kernels)
        var rng = SplitMix(12)
        var logits = rng.floats(count, in: -30...30)
        (logits[5], logits[9]) = (-.infinity, -.greatestFiniteMagnitude)
        var history = TokenHistory(prompt: [3, 4])
        for token: Int32 in [3, 9, 9, 11] { history.append(token) }
        for (name, field) in fields {
            for number in numbers {
                for (other, companion) in fields where other != name {
                    for second: Float in [0.1, 0.5, 1] {
                        var options = SamplingOptions(temperature: 0.8, topK: 3, minP: 0.1)
                        options[keyPath: companion] = second
                        options[keyPath: field] = number
                        if let problem = options.problem(vocabularySize: count) {
                            #expect(problem.hasPrefix("\(name) is ") && problem.contains(", expected "))
                            continue
                        }
                        #expect(number.isFinite)
                        for (position, draw) in [Sampler.Draw.inverse, .gumbel].enumerated() {
                            let token = try sampler.sample(
                                logits, options, history: history, position: position, draw: draw)
                            #expect((0..<Int32(count)).contains(token) && logits[Int(token)] > -1e30)
                        }
                        let distribution = try sampler.probabilities(logits, options, history: history)
                        #expect(
                            distribution.allSatisfy { $0 >= 0 && $0 <= 1 } && abs(distribution.reduce(0, +) - 1) < 1e-4)
                    }
                }
            }
        }
    }

    @Test("a temperature below the least takes the likeliest token, as 0 does")
    func leastTemperature() throws {
        var rng = SplitMix(13)
        let sampler = Sampler(vocabularySize: 300, kernels: kernels)
        for seed in 0..<50 {
            let logits = rng.floats(300, in: -5...5)
            let likeliest = try sampler.sample(logits, SamplingOptions(), history: TokenHistory(), position: 0)
            for temperature: Float in [.leastNormalMagnitude / 100, 1e-20, 9.9e-6, -0.0] {
                let options = SamplingOptions(temperature: temperature, minP: 0.1, seed: UInt64(seed))
                #expect(options.isGreedy)
                for draw in [Sampler.Draw.inverse, .gumbel] {
                    let token = try sampler.sample(
                        logits, options, history: TokenHistory(), position: seed, draw: draw)
                    #expect(token == likeliest)
                }
            }
        }
        #expect(!SamplingOptions(temperature: 1e-5).isGreedy)
    }

    @Test("the heaviest of many weights are those that sorting finds, equal ones by place")
    func heaviest() {
        var rng = SplitMix(15)
        var heaviest = HeaviestWeights()
        for trial in 0..<60 {
            let size = Int.random(in: 1...3000, using: &rng)
            let kinds: [() -> Float] = [
                { Float.random(in: 0...1, using: &rng) }, { Float(Int.random(in: 0...3, using: &rng)) / 3 }, { 1 },
                { Float.random(in: 0.9999...1, using: &rng) }, { exp(Float.random(in: -80...0, using: &rng)) },
            ]
            let weights = (0..<size).map { _ in kinds[trial % 5]() }
            let order = weights.indices.sorted { (weights[$1], $0) < (weights[$0], $1) }
            let total = weights.reduce(0.0) { $0 + Double($1) }
            for (limit, share) in [
                (1, 2.0), (size / 3 + 1, 2), (size, 2), (.max, 0), (.max, 0.3), (.max, 0.999), (5, 0.5),
            ] {
                var expected = [Float](repeating: 0, count: size)
                var sum = 0.0
                for place in order.prefix(limit) where sum < share * total || place == order[0] {
                    expected[place] = weights[place]
                    sum += Double(weights[place])
                }
                var kept = weights
                heaviest.keep(&kept, limit: limit, target: share > 1 ? .infinity : share * total)
                // If a sum reaches its target only up to rounding, one token more or fewer is equally right.
                let different = zip(kept, expected).count { $0 != $1 }
                #expect(different == 0 || different == 1 && share <= 1, "trial \(trial), \(limit), \(share)")
            }
        }
    }

    @Test("log probabilities are those of the softmax, the likeliest first, equals by id")
    func logprobs() throws {
        let count = 1000
        let sampler = Sampler(vocabularySize: count, kernels: kernels)
        var rng = SplitMix(5)
        for scale: Float in [0.1, 5, 60] {
            var logits = rng.floats(count, in: -scale...scale)
            (logits[700], logits[31]) = (scale, scale)
            let sum = logits.reduce(0.0) { sum, logit in sum + exp(Double(logit - scale)) }
            let expected = logits.map { logit in Double(logit - scale) - log(sum) }
            let tolerance = 1e-5 * Double(1 + scale)
            let order = (0..<Int32(count)).sorted { (logits[Int($1)], $0) < (logits[Int($0)], $1) }
            for token: Int32 in [0, 31, 999] {
                let (chosen, likeliest) = try sampler.logprobs(logits, of: token, likeliest: 20)
                #expect(abs(Double(chosen) - expected[Int(token)]) < tolerance)
                #expect(likeliest.map(\.token) == Array(order.prefix(20)))
                for (token, logprob) in likeliest {
                    #expect(abs(Double(logprob) - expected[Int(token)]) < tolerance)
                }
                #expect(try sampler.logprobs(logits, of: token, likeliest: 0).likeliest.isEmpty)
            }
            logits[3] = .infinity
            #expect(throws: NonFiniteLogits.self) { try sampler.logprobs(logits, of: 0, likeliest: 1) }
        }
    }
}
