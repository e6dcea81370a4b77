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
        #expect(await refusal(engine, DiffusionRequest(prompt, steps: 0)).hasPrefix("steps is 0"))
        #expect(await refusal(engine, DiffusionRequest(prompt, maximumTokens: 0)).hasPrefix("max_tokens is 0"))
        #expect(await refusal(engine, DiffusionRequest(prompt, temperature: -1)).hasPrefix("temperature is -1"))
        #expect(await refusal(engine, DiffusionRequest(.tokens([]))).contains("prompt is empty"))
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
    }

    @Test("a cancelled text ends with what there is")
    func cancelling() async throws {
        let engine = try await engine(.absorbing)
        let work = Task {
            try await engine.diffuse(DiffusionRequest(.tokens([5, 9, 2]), maximumTokens: 200)) { _ in
                withUnsafeCurrentTask { $0?.cancel() }
            }
        }
        let result = try await work.value
        #expect(result.finishReason == .cancelled && result.blocks == 1 && result.tokens.count == 8)
    }
}
