import Foundation
import SpeculateShared
import SpeculateVerifier
import TestSupport
import Testing

@testable import SpeculateDrafter

/// Drafters of every diffusion process beside the PyTorch network that trains them.
@Suite struct LaboratoryTests {
    struct Golden: Decodable {
        struct Case: Decodable {
            var anchor: Int
            var time: Double
            /// Draft tokens; as many as there are for MASK.
            var z: [Int]?
            var points: [Float]?
            var logits: [Float]
            var last: [[Float]?]
            var drawn: [Int32]
            /// Of a pass that another follows.
            var early: [Int32]
            /// The points that a deterministic step then moves to, an eighth of the time on.
            var moved: [Float]?
            var mass: [Double]?
        }

        var tokens: [Int32]
        var states: [Float]
        var processes: [String: [Case]]
    }

    static let kinds = DiffusionKind.allCases.filter { $0 != .absorbing }

    static func golden() throws -> Golden {
        try JSONDecoder().decode(Golden.self, from: Data(Fixtures.bytes("laboratory.json")))
    }

    static func model(
        _ kind: DiffusionKind, threads: Int = 2, schedule: NoiseSchedule? = nil
    ) throws -> BlockDiffusionModel {
        let name = "tiny-\(kind.rawValue).gguf"
        guard let schedule else { return try model(kind, threads, Checkpoint(path: Fixtures.path(name))) }
        return try Fixtures.withTemporaryFolder { folder in
            try Fixtures.write(name, to: folder + "/drafter.gguf") {
                $0["speculate.process.noise_schedule"] = .string(Array(schedule.rawValue.utf8))
            }
            return try model(kind, threads, Checkpoint(path: folder + "/drafter.gguf"))
        }
    }

    private static func model(
        _ kind: DiffusionKind, _ threads: Int, _ checkpoint: Checkpoint
    ) throws -> BlockDiffusionModel {
        let config = try DrafterConfig(checkpoint)
        #expect(config.process == kind)
        let file = try Checkpoint(path: Fixtures.path("tiny-qwen3.gguf"))
        let verifier = try Verifier(
            file, taps: config.taps(verifierLayers: config.targetLayers.max()! + 1), kernels: Kernels(),
            pool: WorkerPool(count: threads))
        return try BlockDiffusionModel(checkpoint, config, for: verifier.target)
    }

    static func cache(_ model: BlockDiffusionModel, _ golden: Golden, holding count: Int) throws -> KVCache {
        let cache = try model.makeCache(capacity: golden.tokens.count)
        golden.states.withUnsafeBufferPointer { model.inject($0.baseAddress!, count: count, into: cache) }
        return cache
    }

    /// A block in a state.
    private func block(_ model: BlockDiffusionModel, _ golden: Golden.Case) -> DraftBlock {
        let block = DraftBlock()
        block.reset(count: golden.drawn.count)
        if let points = golden.points { block.points = points }
        for (index, choice) in (golden.z ?? []).enumerated() {
            if !model.config.process.reveals {
                block.states.append(Int32(choice))
            } else if choice < model.draftVocabulary {
                block.fix(model.draftTokens[choice], at: index)
            }
        }
        return block
    }

    @Test(
        "a pass over noisy states says what PyTorch's network says, and the last one's walk ends alike",
        arguments: kinds)
    func parity(_ kind: DiffusionKind) throws {
        let golden = try Self.golden()
        let model = try Self.model(kind)
        var worst: Float = 0
        for example in try #require(golden.processes[kind.rawValue]) {
            let cache = try Self.cache(model, golden, holding: example.anchor)
            let block = block(model, example)
            let anchor = golden.tokens[example.anchor]
            model.pass(block, anchor, cache, nil, time: example.time)
            for index in 0..<block.count {
                for choice in 0..<model.draftVocabulary {
                    let expected = example.logits[index * model.draftVocabulary + choice]
                    // Up to a constant that no distribution depends on: score-absorbing's is normalised.
                    let shift = example.logits[index * model.draftVocabulary] - model.logits(at: index)[0]
                    worst = max(worst, abs(model.logits(at: index)[choice] + shift - expected))
                }
                if let mass = example.mass?[index] {
                    #expect(abs(PassGuesses(model: model, temperature: 1).logMass(of: index) - mass) < 0.02)
                }
            }
            model.pass(block, anchor, cache, .greedy, time: example.time)
            #expect(block.tokens == example.drawn, "\(kind) at \(example.anchor)")
            // Training's `last` adds what states would say at time 1 too, had they come from data.
            if example.time == 1 { model.finish(block, time: 1) }
            for (index, last) in example.last.enumerated() {
                guard let last else { continue }
                let logits = UnsafeBufferPointer(start: model.logits(at: index), count: model.draftVocabulary)
                let total = log(logits.reduce(0) { $0 + exp($1) })
                let expected = log(last.reduce(0) { $0 + exp($1) })
                // What is impossible is so to PyTorch's eigenvectors up to rounding.
                for (own, other) in zip(logits, last) where other - expected > -25 {
                    worst = max(worst, abs((own - total) - (other - expected)))
                }
            }
        }
        // Logits are of size 10. States are multiplied as 8-bit integers, keys and values are 16-bit floats, all else
        // here has 32 bits; a state in the wrong slot moves logits by more than 1.
        #expect(worst < (kind.reveals ? 0.02 : 0.1), "\(kind)")
    }

    @Test("a pass that another follows chooses, and moves points, as PyTorch's drafts do", arguments: kinds)
    func earlyPasses(_ kind: DiffusionKind) throws {
        let golden = try Self.golden()
        let model = try Self.model(kind)
        for example in try #require(golden.processes[kind.rawValue]) {
            let cache = try Self.cache(model, golden, holding: example.anchor)
            let block = block(model, example)
            // The one of eight passes whose time is the example's. The first would draw its states.
            let number = Int(8 - 8 * example.time)
            guard number > 0 else { continue }
            var plan = DenoisingPlan()
            plan.schedule = Array(repeating: block.count, count: 7)
            plan.sampling = .random(temperature: 1, seed: 3)
            plan.seed = 3
            let expected = self.block(model, example)
            model.pass(expected, golden.tokens[example.anchor], cache, nil, time: example.time)
            let tokens = model.denoise(
                block, pass: number, of: plan, anchor: golden.tokens[example.anchor], cache: cache
            ) { block.tokens }
            #expect(tokens == example.early, "\(kind) at \(example.anchor)")
            if kind == .gaussian {
                let moved = try #require(example.moved)
                #expect(moved.count == block.points.count)
                for (own, other) in zip(block.points, moved) { #expect(abs(own - other) < 0.01) }
                continue
            }
            // Others' steps draw: as they do when they are told these tokens for certain.
            let guesses = Certain(tokens: example.early, model: model)
            let step = DenoisingStep(
                pass: number, from: DenoisingStep.time(of: number, among: 8),
                to: DenoisingStep.time(of: number + 1, among: 8))
            let draws = KeyedStateDraws(random: CounterRandom(seed: 3), position: cache.count + 1)
            model.weights.process.step(expected, step, guesses, draws)
            #expect(block.states == expected.states && block.isRevealed == expected.isRevealed)
        }
    }

    /// A pass that is sure of its tokens.
    private final class Certain: BlockGuesses {
        let tokens: [Int32]
        let model: BlockDiffusionModel
        let memory: UnsafeMutableBufferPointer<Float>

        init(tokens: [Int32], model: BlockDiffusionModel) {
            self.tokens = tokens
            self.model = model
            memory = .allocate(capacity: tokens.count * model.draftVocabulary)
        }

        deinit { memory.deallocate() }

        func probabilities(of index: Int) -> UnsafeMutableBufferPointer<Float> {
            let count = model.draftVocabulary
            let row = UnsafeMutableBufferPointer(rebasing: memory[index * count..<(index + 1) * count])
            row.update(repeating: 0)
            row[model.draftTokens.firstIndex(of: tokens[index])!] = 1
            return row
        }

        func logMass(of index: Int) -> Double { PassGuesses(model: model, temperature: 0).logMass(of: index) }
        func token(_ choice: Int) -> Int32 { model.draftTokens[choice] }
    }

    @Test("equal seeds give equal drafts on any number of threads, others give others", arguments: kinds)
    func seeds(_ kind: DiffusionKind) throws {
        let golden = try Self.golden()
        func draft(threads: Int, seed: UInt64, passes: Int) throws -> ([Int32], [Float]) {
            let model = try Self.model(kind, threads: threads)
            let block = DraftBlock()
            block.reset(count: 6)
            model.denoise(
                block, anchor: golden.tokens[9], cache: try Self.cache(model, golden, holding: 9),
                schedule: model.config.schedule(passes: passes, count: 6),
                sampling: .random(temperature: 1, seed: seed), seed: seed)
            return (block.tokens, Array(UnsafeBufferPointer(start: model.logits(at: 0), count: model.draftVocabulary)))
        }
        for passes in [1, 2, 4] {
            let first = try draft(threads: 1, seed: 5, passes: passes)
            #expect(try draft(threads: 2, seed: 5, passes: passes) == first)
            #expect(try Set((0..<6).map { try draft(threads: 1, seed: $0, passes: passes).0 }).count > 1)
        }
    }

    @Test(
        "after any number of passes a token follows the distribution that is reported for it given the states",
        arguments: kinds)
    func distributions(_ kind: DiffusionKind) throws {
        let golden = try Self.golden()
        let model = try Self.model(kind)
        let cache = try Self.cache(model, golden, holding: 12)
        let block = DraftBlock()
        for passes in [1, 2, 3] {
            var (expected, counts) = ([Int32: Double](), [Int32: Int]())
            var variance = [Int32: Double]()
            let draws = 1500
            for seed in 0..<UInt64(draws) {
                let sampling = DraftSampling.random(temperature: 1.3, seed: seed)
                block.reset(count: 3)
                model.denoise(
                    block, anchor: golden.tokens[12], cache: cache,
                    schedule: model.config.schedule(passes: passes, count: 3), sampling: sampling, seed: seed)
                counts[block.tokens[1], default: 0] += 1
                guard let reported = model.distribution(at: 1, of: block, sampling) else {
                    #expect(kind == .scoreAbsorbing && passes > 1 && block.isRevealed[1])
                    expected[block.tokens[1], default: 0] += 1
                    continue
                }
                for token in model.draftTokens {
                    let p = reported.probability(of: token)
                    expected[token, default: 0] += p
                    variance[token, default: 0] += p * (1 - p)
                }
            }
            for token in model.draftTokens {
                let difference = Double(counts[token] ?? 0) - (expected[token] ?? 0)
                #expect(abs(difference) < 4.5 * ((variance[token] ?? 0) + 1).squareRoot(), "\(kind), \(passes) passes")
            }
        }
    }

    @Test("a tree of width one is the one-pass chain of the same states", arguments: kinds)
    func trees(_ kind: DiffusionKind) throws {
        let golden = try Self.golden()
        let model = try Self.model(kind)
        let cache = try Self.cache(model, golden, holding: 9)
        let block = DraftBlock()
        block.reset(count: 5)
        model.denoise(block, anchor: golden.tokens[9], cache: cache)
        var chain = Proposal()
        model.grow(
            TreeGrowth(tokens: 5, width: 1, depth: 5), anchor: golden.tokens[9], cache: cache, sampling: .greedy,
            into: &chain)
        #expect(chain.tokens == block.tokens && chain.isChain)
    }

    @Test("at time 1 states add nothing to logits: q is what it is with their evidence, if no data are left then")
    func evidence() throws {
        let golden = try Self.golden()
        for kind in Self.kinds where !kind.reveals {
            for schedule in [NoiseSchedule.linear, .logLinear] {
                let model = try Self.model(kind, schedule: schedule)
                let cache = try Self.cache(model, golden, holding: 9)
                func probabilities() -> [Double] {
                    let logits = UnsafeBufferPointer(start: model.logits(at: 0), count: model.draftVocabulary)
                    let total = logits.reduce(0.0) { $0 + exp(Double($1)) }
                    return logits.map { exp(Double($0)) / total }
                }
                var bias: [Float]?
                for seed in 0..<4 as Range<UInt64> {
                    let block = DraftBlock()
                    block.reset(count: 4)
                    model.weights.process.begin(
                        block, KeyedStateDraws(random: CounterRandom(seed: seed), position: 10))
                    func logits(_ sampling: DraftSampling?) -> [Float] {
                        model.pass(block, golden.tokens[9], cache, sampling, time: 1)
                        return Array(UnsafeBufferPointer(start: model.logits(at: 0), count: model.draftVocabulary))
                    }
                    let unary = logits(nil)
                    // The first token's Markov bias alone, whatever its state is.
                    let added = zip(logits(.greedy), unary).map { $0 - $1 }
                    for (one, other) in zip(bias ?? added, added) { #expect(abs(one - other) < 1e-4, "\(kind)") }
                    bias = added
                    guard schedule == .linear else { continue }
                    let before = probabilities()
                    model.finish(block, time: 1)
                    for (one, other) in zip(before, probabilities()) { #expect(abs(one - other) < 1e-6, "\(kind)") }
                }
            }
        }
    }
}
