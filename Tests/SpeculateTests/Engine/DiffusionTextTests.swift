import Foundation
import SpeculateDrafter
import SpeculateShared
import Testing
import TestSupport

@testable import Speculate

/// Texts by diffusion alone, with tiny drafters of every process.
@Suite struct DiffusionTextTests {
    private func engine(_ kind: SpeculateDrafter.DiffusionKind) async throws -> Engine {
        let drafter = kind == .absorbing ? "tiny-drafter" : "tiny-\(kind.rawValue)"
        return try await Engine.load(
            verifier: Fixtures.path("tiny-qwen3.gguf"), drafter: .file(path: Fixtures.path("\(drafter).gguf")),
            configuration: EngineConfiguration(threads: 2))
    }

    private func write(
        _ engine: Engine, _ request: DiffusionRequest
    ) async throws -> (DiffusionResult, [DiffusionStep]) {
        let steps = Locked<[DiffusionStep]>([])
        let result = try await engine.diffuse(request) { step in steps.withLock { $0.append(step) } }
        return (result, steps.withLock { $0 })
    }

    @Test(
        "every process writes blocks whose steps add up to the text; a seed's text is its own",
        arguments: SpeculateDrafter.DiffusionKind.allCases)
    func blocks(_ kind: SpeculateDrafter.DiffusionKind) async throws {
        let engine = try await engine(kind)
        #expect(engine.diffusionKind == kind)
        for temperature: Float in [0, 1] {
            let request = DiffusionRequest(
                .tokens([5, 9, 2, 14]), maximumTokens: 21, steps: 4, temperature: temperature, seed: 3)
            let (result, steps) = try await write(engine, request)
            #expect(!result.tokens.isEmpty && result.tokens.count <= 21)
            #expect(result.finishReason == (result.tokens.count == 21 ? .length : .endOfText))
            #expect(result.passes == steps.count)
            #expect(steps.compactMap(\.text).joined() == result.text)
            #expect(steps.filter { $0.text != nil }.count == result.blocks)
            for step in steps {
                #expect(step.tokens.allSatisfy { (0...1.0001).contains($0.certainty) })
                #expect(step.text == nil || step.pass + 1 == step.passes && step.tokens.allSatisfy(\.isSettled))
                if !kind.reveals, step.text == nil { #expect(step.tokens.allSatisfy { !$0.isSettled }) }
            }
            // What is settled stays.
            for (one, next) in zip(steps, steps.dropFirst()) where one.block == next.block && kind.reveals {
                for (before, after) in zip(one.tokens, next.tokens) where before.isSettled {
                    #expect(after.isSettled && after.text == before.text)
                }
            }
            let (again, _) = try await write(engine, request)
            #expect(again.tokens == result.tokens)
            var other = request
            other.seed = 4
            let isRandom = temperature > 0 || !kind.reveals
            if isRandom { #expect(try await write(engine, other).0.tokens != result.tokens) }
        }
    }

    @Test("the verifier's states of a finished block shape the next one: a text is its own continuation")
    func continuation() async throws {
        let engine = try await engine(.absorbing)
        let prompt: [Int32] = [5, 9, 2, 14]
        let whole = try await write(engine, DiffusionRequest(.tokens(prompt), maximumTokens: 16, steps: 2)).0
        try #require(whole.tokens.count == 16)
        let rest = try await write(
            engine, DiffusionRequest(.tokens(prompt + whole.tokens[..<8]), maximumTokens: 8, steps: 2)
        ).0
        #expect(rest.tokens == Array(whole.tokens[8...]))
    }

    @Test("tokens are revealed as the schedule says; masked again, a token may change")
    func reveals() async throws {
        #expect(RevealSchedule.linear.targets(passes: 4, count: 8) == [2, 4, 6])
        #expect(RevealSchedule.cosine.targets(passes: 4, count: 8) == [1, 2, 5])
        #expect(RevealSchedule.linear.targets(passes: 1, count: 8) == [])
        let engine = try await engine(.absorbing)
        var request = DiffusionRequest(
            .tokens([5, 9, 2]), maximumTokens: 8, steps: 4, order: .random, reveals: .cosine)
        let (_, steps) = try await write(engine, request)
        #expect(steps.map { $0.tokens.filter(\.isSettled).count } == [0, 1, 2, 8])
        request.masksAgain = true
        request.order = .confidence
        request.reveals = .linear
        let counts = try await write(engine, request).1.map { $0.tokens.filter(\.isSettled).count }
        #expect(counts == [0, 2, 4, 8])
    }

    @Test("every sampler writes a text of its own", arguments: SpeculateDrafter.DiffusionKind.allCases)
    func samplers(_ kind: SpeculateDrafter.DiffusionKind) async throws {
        let engine = try await engine(kind)
        func written(_ sampler: DiffusionSampler?) async throws -> [[Int32]] {
            var texts: [[Int32]] = []
            for seed in UInt64(1)...4 {
                let request = DiffusionRequest(
                    .tokens([5, 9, 2, 14]), maximumTokens: 24, steps: 6, sampler: sampler, temperature: 1, seed: seed)
                let (result, steps) = try await write(engine, request)
                if sampler != nil { #expect(steps.allSatisfy { $0.passes == 6 } && result.passes == steps.count) }
                texts.append(result.tokens)
            }
            return texts
        }
        var texts: Set<[[Int32]]> = []
        for sampler in kind.samplers {
            let own = try await written(sampler)
            #expect(try await written(sampler) == own)
            texts.insert(own)
        }
        #expect(texts.count == kind.samplers.count)
        #expect(try await texts.contains(written(nil)) == (kind != .absorbing))
    }

    @Test("without a temperature a process writes at its own")
    func temperature() async throws {
        for kind in [SpeculateDrafter.DiffusionKind.absorbing, .uniform] {
            let engine = try await engine(kind)
            let request = DiffusionRequest(.tokens([5, 9, 2]), maximumTokens: 16, steps: 4, seed: 3)
            var told = request
            told.temperature = kind == .absorbing ? 0 : 0.8
            #expect(try await write(engine, request).0.tokens == write(engine, told).0.tokens)
        }
    }

    @Test("what does not go with a drafter or is out of range is refused by name")
    func refusals() async throws {
        func refusal(_ engine: Engine, _ request: DiffusionRequest) async -> String {
            do throws(EngineError) {
                _ = try await engine.diffuse(request) { _ in }
                return "served"
            } catch { return error.message }
        }
        let engine = try await engine(.uniform)
        let prompt = CompletionRequest.Prompt.tokens([1, 2])
        #expect(
            await refusal(engine, DiffusionRequest(prompt, order: .random))
                .contains("order is random, expected none where the drafter's process is 'uniform', which reveals no"))
        #expect(await refusal(engine, DiffusionRequest(prompt, reveals: .cosine)).hasPrefix("schedule is cosine"))
        #expect(await refusal(engine, DiffusionRequest(prompt, masksAgain: true)).hasPrefix("remask is on"))
        #expect(
            await refusal(engine, DiffusionRequest(prompt, sampler: .ddim))
                == "sampler is ddim, expected 'ancestral' where the drafter's process is 'uniform'")
        let both = DiffusionRequest(prompt, order: .random, sampler: .ancestral)
        #expect(both.problem(for: .absorbing)?.hasPrefix("order is random, expected none where sampler is") == true)
        #expect(await refusal(engine, DiffusionRequest(prompt, steps: 0)).hasPrefix("steps is 0"))
        #expect(await refusal(engine, DiffusionRequest(prompt, maximumTokens: 0)).hasPrefix("max_tokens is 0"))
        #expect(await refusal(engine, DiffusionRequest(prompt, temperature: -1)).hasPrefix("temperature is -1"))
        #expect(await refusal(engine, DiffusionRequest(.tokens([]))).contains("prompt is empty"))
        for order in [RevealOrder.leftToRight, .random] {
            var masking = DiffusionRequest(prompt, order: order, masksAgain: true)
            #expect(
                masking.problem(for: .absorbing)?
                    .hasPrefix("remask is on, expected off where order is \(order.rawValue)") == true)
            masking.order = .confidence
            #expect(masking.problem(for: .absorbing) == nil)
        }
        let plain = try await Engine.load(
            verifier: Fixtures.path("tiny-qwen3.gguf"), drafter: .lookup, configuration: EngineConfiguration(threads: 1)
        )
        #expect(plain.diffusionKind == nil)
        #expect(
            await refusal(plain, DiffusionRequest(prompt)).contains("the drafter is lookup, expected a block diffusion")
        )
        do throws(EngineError) {
            _ = try await engine.draft(.text("a[MASK]b"))
            Issue.record("drafted")
        } catch { #expect(error.message.contains("has gaps and the drafter's process is 'uniform'")) }
        do throws(EngineError) {
            _ = try await engine.draft(prompt, passes: 2, order: .random)
            Issue.record("drafted")
        } catch { #expect(error.message.hasPrefix("order is random, expected left where the drafter's process")) }
    }

    @Test("weights that give no numbers are an error that says so, in any pass", arguments: [1, 3])
    func damagedWeights(_ steps: Int) async throws {
        try await Fixtures.withTemporaryFolder { folder in
            let path = folder + "/damaged.gguf"
            try Fixtures.write("tiny-uniform.gguf", to: path, tensor: "speculate.state_own.weight") { bytes in
                (bytes[0], bytes[1]) = (0x00, 0x7e)  // The first scale, NaN.
            }
            let engine = try await Engine.load(
                verifier: Fixtures.path("tiny-qwen3.gguf"), drafter: .file(path: path),
                configuration: EngineConfiguration(threads: 1))
            do throws(EngineError) {
                _ = try await engine.diffuse(DiffusionRequest(.tokens([5, 9]), steps: steps, temperature: 1)) { step in
                    #expect(!step.tokens.contains { !$0.certainty.isFinite })
                }
                Issue.record("written")
            } catch {
                #expect(error.code == .runtime)
                #expect(error.message.hasSuffix("not finite numbers in a block: the drafter's weights are damaged"))
            }
        }
    }

    @Test("control tokens are no part of the text, nor shown in a block")
    func controlTokens() async throws {
        try await Fixtures.withTemporaryFolder { folder in
            let path = folder + "/control.gguf"
            // Of the tokens that can be drafted, the last but one becomes <|end|>, which ends nothing.
            try Fixtures.write("tiny-uniform.gguf", to: path, tensor: "d2t") { bytes in
                let place = bytes.count - 16
                (bytes[place], bytes[place + 1]) = (2, 1)  // 258
            }
            let engine = try await Engine.load(
                verifier: Fixtures.path("tiny-qwen3.gguf"), drafter: .file(path: path),
                configuration: EngineConfiguration(threads: 1))
            var found = 0
            for seed in 0..<20 as Range<UInt64> {
                let request = DiffusionRequest(
                    .tokens([5, 9]), maximumTokens: 40, steps: 2, temperature: 1, seed: seed)
                let (result, steps) = try await write(engine, request)
                found += result.tokens.count { $0 == 258 }
                #expect(
                    !result.text.contains("<|") && !steps.contains { $0.tokens.contains { $0.text.contains("<|") } })
            }
            #expect(found > 0)
        }
    }

    @Test(
        "a draft's passes show what each of them drafted, and how sure the confidence head is of it",
        arguments: SpeculateDrafter.DiffusionKind.allCases)
    func drafts(_ kind: SpeculateDrafter.DiffusionKind) async throws {
        let trace = try await engine(kind).draft(.tokens([5, 9, 2, 14]), passes: 3)
        #expect(trace.passes.count == 3)
        for pass in trace.passes {
            #expect(pass.tokens.allSatisfy { !$0.isMasked && (0..<1).contains($0.confidence) })
        }
        let last = try #require(trace.passes.last)
        if kind.reveals { #expect(last.tokens.contains { $0.isRevealed }) }
        #expect(zip(last.tokens, trace.verifier).allSatisfy { !$1.isAccepted || $0.text == $1.text })
    }
}
