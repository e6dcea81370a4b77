import Foundation
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport

@testable import Speculate

/// Exactness of the acceptance rules, by enumeration: all outputs, all random choices, exact probabilities.
struct AcceptanceTests {
    private static let length = 4
    private static let transforms: [SamplingOptions] = [
        SamplingOptions(temperature: 1),
        SamplingOptions(temperature: 0.6, topP: 0.8),
        SamplingOptions(temperature: 1.4, topK: 2),
        SamplingOptions(temperature: 0.9, minP: 0.3, repetitionPenalty: 1.3, frequencyPenalty: 0.2),
    ]

    /// The distribution of a text's first tokens, and the mean number of rounds they take.
    /// - Parameter drafting: rounds with drafts; those after them are plain.
    private func outputs(
        _ rule: AcceptanceRule, _ drafter: TinyLanguage.Drafter, depth: Int, _ options: SamplingOptions,
        length: Int = AcceptanceTests.length, drafting: Double = .infinity
    ) throws -> (distribution: [[Int32]: Double], rounds: Double) {
        let language = try TinyLanguage(options)
        let tape = Tape()
        var distribution: [[Int32]: Double] = [:]
        var rounds = 0.0
        // Gumbel noise takes one of these values, each with its probability; within a run it depends only on the
        // position.
        var random = SplitMix(3)
        let values = (0..<3).map { _ in
            random.floats(TinyLanguage.size, in: 0.001...0.999).map { -log(-log(Double($0))) }
        }
        try tape.forEachRun {
            var tokens: [Int32] = []
            var noises: [Int: [Double]] = [:]
            func noise(_ position: Int) -> [Double] {
                if noises[position] == nil { noises[position] = values[tape.choose([0.25, 0.25, 0.5])] }
                return noises[position]!
            }
            var count = 0.0
            while tokens.count < length {
                let depth = count < drafting ? min(depth, length - tokens.count - 1) : 0
                let draft = language.draft(drafter, tokens, depth: depth, chance: { tape.choose($0) }) {
                    rule == .coupled ? TinyDistributions.coupled($0, noise(tokens.count + $1)) : Int32(tape.choose($0))
                }
                var distributions = TinyDistributions(
                    language: language, tape: tape, prefix: tokens, draft: draft,
                    noise: rule == .coupled ? noise : nil)
                var accepted: [Int] = []
                let next = try rule.judge(draft, &distributions, accepted: &accepted)
                tokens += accepted.map { draft.tokens[$0] } + [next]
                count += 1
            }
            distribution[tokens, default: 0] += tape.probability
            rounds += tape.probability * count
        }
        return (distribution, rounds)
    }

    private func distance(_ a: [[Int32]: Double], _ b: [[Int32]: Double]) -> Double {
        Set(a.keys).union(b.keys).map { abs((a[$0] ?? 0) - (b[$0] ?? 0)) }.max() ?? 0
    }

    @Test(
        "every rule gives every text its exact probability, for every kind of draft, depth and transform",
        arguments: [AcceptanceRule.match, .coupled, .rejection, .block])
    func exact(rule: AcceptanceRule) throws {
        for options in Self.transforms {
            let plain = try outputs(rule, .ngram, depth: 0, options)
            #expect(abs(plain.distribution.values.reduce(0, +) - 1) < 1e-12)
            #expect(abs(plain.rounds - Double(Self.length)) < 1e-12)
            if rule != .coupled {  // Its noise takes only few values here.
                let language = try TinyLanguage(options)
                for (text, probability) in plain.distribution {
                    let product = try text.indices.reduce(1.0) {
                        try $0 * language.distribution(Array(text[..<$1]))[Int(text[$1])]
                    }
                    #expect(abs(product - probability) < 1e-12)
                }
            }
            for drafter in TinyLanguage.Drafter.exact {
                for depth in 1...3 {
                    let drafted = try outputs(rule, drafter, depth: depth, options)
                    #expect(
                        distance(drafted.distribution, plain.distribution) < 1e-12,
                        "\(drafter), depth \(depth), \(options)")
                    #expect(drafted.rounds < plain.rounds - 0.1)
                }
            }
        }
    }

    @Test(
        "trees are exact under match and coupled: every text keeps its exact probability",
        arguments: [
            AcceptanceRule.match, .coupled,
        ])
    func trees(rule: AcceptanceRule) throws {
        for options in Self.transforms {
            let plain = try outputs(rule, .ngram, depth: 0, options)
            for drafter in [TinyLanguage.Drafter.tree, .textTree] {
                let drafted = try outputs(rule, drafter, depth: 3, options)
                #expect(distance(drafted.distribution, plain.distribution) < 1e-12, "\(drafter), \(options)")
                #expect(drafted.rounds < plain.rounds - 0.5, "\(drafter), \(options)")
            }
        }
    }

    @Test(
        "every diffusion process drafts exactly: its states are drawn before and apart from what is judged",
        arguments: SpeculateDrafter.DiffusionKind.allCases)
    func processes(kind: SpeculateDrafter.DiffusionKind) throws {
        for rule in [AcceptanceRule.match, .coupled, .rejection, .block] {
            var saved = 0.0
            // Drafts in every round, then of several passes in the first one: what holds after any text holds after all.
            for (passes, depth, drafting, options) in [
                (1, 1, Double.infinity, Self.transforms[3]), (1, 2, .infinity, Self.transforms[0]),
                (2, 1, .infinity, Self.transforms[1]), (2, 2, 1, Self.transforms[0]), (2, 2, 1, Self.transforms[2]),
                (3, 2, 1, Self.transforms[0]),
            ] {
                let plain = try outputs(rule, .ngram, depth: 0, options, length: 3)
                let drafted = try outputs(
                    rule, .process(kind, passes: passes), depth: depth, options, length: 3, drafting: drafting)
                #expect(abs(drafted.distribution.values.reduce(0, +) - 1) < 1e-12)
                #expect(
                    distance(drafted.distribution, plain.distribution) < 1e-12,
                    "\(kind), \(rule), \(passes) passes, depth \(depth)")
                #expect(drafted.rounds < plain.rounds + 1e-12)
                saved += plain.rounds - drafted.rounds
            }
            #expect(saved > 0.5, "\(kind), \(rule)")
        }
    }

    @Test("greedy keeps a draft as far as it is the likeliest tokens")
    func greedy() throws {
        for drafter in TinyLanguage.Drafter.exact {
            for depth in 0...3 {
                let drafted = try outputs(.greedy, drafter, depth: depth, SamplingOptions())
                #expect(drafted.distribution.count == 1 && abs(drafted.distribution.values.first! - 1) < 1e-12)
                #expect(
                    drafted.distribution == (try outputs(.greedy, .ngram, depth: 0, SamplingOptions())).distribution
                        || depth > 0)
                #expect(
                    try distance(
                        drafted.distribution, outputs(.greedy, .ngram, depth: 0, SamplingOptions()).distribution)
                        < 1e-12)
            }
        }
    }

    @Test("a token carried over from an earlier pass is no draw from that pass's marginal: saying so is wrong")
    func marginalIsWrong() throws {
        let options = SamplingOptions(temperature: 1)
        for rule in [AcceptanceRule.rejection, .block] {
            let plain = try outputs(rule, .ngram, depth: 0, options)
            #expect(try distance(outputs(rule, .marginal, depth: 2, options).distribution, plain.distribution) > 1e-3)
        }
        // Match and coupled do not depend on how a draft was made.
        for rule in [AcceptanceRule.match, .coupled] {
            let plain = try outputs(rule, .ngram, depth: 0, options)
            #expect(try distance(outputs(rule, .marginal, depth: 2, options).distribution, plain.distribution) < 1e-12)
        }
    }

    @Test("a depth that looks at the token which it decides about biases rejection and block")
    func anticipationIsWrong() throws {
        let options = SamplingOptions(temperature: 1)
        for rule in [AcceptanceRule.rejection, .block] {
            let plain = try outputs(rule, .ngram, depth: 0, options)
            #expect(
                try distance(outputs(rule, .anticipating, depth: 2, options).distribution, plain.distribution) > 1e-3)
        }
        for rule in [AcceptanceRule.match, .coupled] {
            let plain = try outputs(rule, .ngram, depth: 0, options)
            #expect(
                try distance(outputs(rule, .anticipating, depth: 2, options).distribution, plain.distribution) < 1e-12)
        }
    }

    @Test("block accepts at least as much as rejection, for drafts from left to right")
    func blockAcceptsMore() throws {
        for options in Self.transforms {
            for drafter in [TinyLanguage.Drafter.factorised, .markov] {
                let one = try outputs(.rejection, drafter, depth: 3, options).rounds
                let other = try outputs(.block, drafter, depth: 3, options).rounds
                #expect(other < one + 1e-12, "\(drafter)")
            }
        }
        #expect(
            try outputs(.block, .markov, depth: 3, Self.transforms[0]).rounds
                < outputs(.rejection, .markov, depth: 3, Self.transforms[0]).rounds - 0.001)
    }
}
