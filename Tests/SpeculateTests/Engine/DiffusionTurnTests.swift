import Dispatch
import SpeculateDrafter
import SpeculateShared
import Testing
import TestSupport

@testable import Speculate

/// Texts by diffusion beside each other, beside completions, and as the engine ends.
@Suite struct DiffusionTurnTests {
    private let prompt = CompletionRequest.Prompt.tokens([5, 9, 2])

    private func engine(parallel: Int) async throws -> Engine {
        try await Engine.load(
            verifier: Fixtures.path("tiny-qwen3.gguf"), drafter: .file(path: Fixtures.path("tiny-uniform.gguf")),
            configuration: EngineConfiguration(threads: 1, parallel: parallel))
    }

    /// Tells when a text has had its first pass, and holds the engine there until it is to go on.
    private final class Gate: Sendable {
        let begun: AsyncStream<Void>
        private let begin: AsyncStream<Void>.Continuation
        private let isOpen = DispatchSemaphore(value: 0)
        private let passes = Locked(0)
        var count: Int { passes.withLock(\.self) }

        init() { (begun, begin) = AsyncStream<Void>.makeStream() }

        func pass() {
            let isFirst = passes.withLock { passes in
                passes += 1
                return passes == 1
            }
            guard isFirst else { return }
            begin.finish()
            isOpen.wait()
        }

        func open() { isOpen.signal() }
    }

    @Test("more texts than completions in parallel are refused, whatever room there is to wait")
    func limit() async throws {
        let engine = try await engine(parallel: 1)
        let gate = Gate()
        async let first = engine.diffuse(DiffusionRequest(prompt, maximumTokens: 30)) { _ in gate.pass() }
        for await _ in gate.begun {}
        do throws(EngineError) {
            _ = try await engine.diffuse(DiffusionRequest(prompt)) { _ in }
            Issue.record("admitted")
        } catch {
            #expect(error.code == .overloaded)
            #expect(error.message == "1 texts by diffusion are in progress or waiting, expected at most 1")
        }
        gate.open()
        let written = try await first
        #expect(!written.tokens.isEmpty)
        let next = try await engine.diffuse(DiffusionRequest(prompt, maximumTokens: 2)) { _ in }
        #expect((1...2).contains(next.tokens.count))
    }

    @Test("texts take turns by the pass, beside completions, and each is the one that it would be alone")
    func turns() async throws {
        let engine = try await engine(parallel: 3)
        let seeds: [UInt64] = [1, 2, 3]
        @Sendable func request(_ seed: UInt64) -> DiffusionRequest {
            // A prompt of several parts.
            DiffusionRequest(
                .tokens((0..<150).map { Int32($0 % 250) }), maximumTokens: 30, steps: 3, temperature: 1, seed: seed)
        }
        var alone: [[Int32]] = []
        for seed in seeds { alone.append(try await engine.diffuse(request(seed)) { _ in }.tokens) }
        let plain = try await engine.complete(CompletionRequest(prompt, maximumTokens: 20))
        let order = Locked<[UInt64]>([])
        let gate = Gate()
        // Holds the engine until all of them wait for it.
        async let held = engine.diffuse(DiffusionRequest(prompt, maximumTokens: 2)) { _ in gate.pass() }
        for await _ in gate.begun {}
        let together = Task {
            try await withThrowingTaskGroup(of: (UInt64, [Int32]).self) { group in
                for seed in seeds.dropLast() {
                    group.addTask {
                        let result = try await engine.diffuse(request(seed)) { step in
                            if step.text != nil { order.withLock { $0.append(seed) } }
                        }
                        return (seed, result.tokens)
                    }
                }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
        }
        let completing = Task { try await engine.complete(CompletionRequest(prompt, maximumTokens: 20)) }
        while engine.admission.taken < 4 { await Task.yield() }
        try await Task.sleep(for: .milliseconds(200))  // Until they are prepared.
        gate.open()
        _ = try await held
        let texts = try await together.value
        let completed = try await completing.value
        #expect(completed.tokens == plain.tokens)
        #expect(texts[1] == alone[0] && texts[2] == alone[1])
        // Neither was done before the other had begun.
        let blocks = order.withLock(\.self)
        #expect(Set(blocks.prefix(4)).count == 2, "\(blocks)")
    }

    @Test("a block of many passes does not keep a completion waiting")
    func patience() async throws {
        let engine = try await engine(parallel: 2)
        let gate = Gate()
        let text = Task {
            try await engine.diffuse(DiffusionRequest(prompt, maximumTokens: 6, steps: 1024)) { _ in gate.pass() }
        }
        for await _ in gate.begun {}
        let completing = Task {
            _ = try await engine.complete(CompletionRequest(prompt, maximumTokens: 4))
            return gate.count
        }
        while engine.admission.taken < 2 { await Task.yield() }
        try await Task.sleep(for: .milliseconds(200))  // Until it is prepared.
        gate.open()
        #expect(try await completing.value < 1024)
        #expect(try await text.value.passes == 1024)
    }

    @Test("draining waits for texts in progress, stopping ends them, and later ones are refused")
    func ending() async throws {
        for stops in [false, true] {
            let engine = try await engine(parallel: 2)
            let gate = Gate()
            let text = Task {
                try await engine.diffuse(DiffusionRequest(prompt, maximumTokens: 60, steps: 2, seed: 3)) { _ in
                    gate.pass()
                }
            }
            for await _ in gate.begun {}
            let draining = Task {
                if stops { await engine.stopAll() }
                await engine.drain()
                return gate.count
            }
            gate.open()
            let seen = await draining.value
            let result = try await text.value
            #expect(seen == result.passes)
            if stops {
                #expect(result.finishReason == .cancelled && result.blocks <= 1)
            } else {
                #expect(result.blocks > 1 && result.passes == 2 * result.blocks)
            }
            do throws(EngineError) {
                _ = try await engine.diffuse(DiffusionRequest(prompt)) { _ in }
                Issue.record("admitted")
            } catch { #expect(error.code == .shuttingDown) }
        }
    }

    @Test("a text that is cancelled ends between two passes, or before its prompt is read, with what there is")
    func cancelling() async throws {
        let engine = try await engine(parallel: 2)
        for blocks in [0, 1, 2] {
            let work = Task {
                try await engine.diffuse(DiffusionRequest(prompt, maximumTokens: 200, seed: 3)) { step in
                    guard step.block == max(blocks - 1, 0), step.pass == (blocks == 0 ? 0 : step.passes - 1) else {
                        return
                    }
                    withUnsafeCurrentTask { $0?.cancel() }
                }
            }
            let result = try await work.value
            #expect(result.finishReason == .cancelled && result.blocks == blocks)
            #expect(result.passes == (blocks == 0 ? 1 : 8 * blocks) && result.tokens.count == 6 * blocks)
        }
        let never = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await engine.diffuse(DiffusionRequest(prompt)) { _ in Issue.record("a pass") }
        }
        let result = try? await never.value
        #expect(result == nil || result?.passes == 0)
    }
}
