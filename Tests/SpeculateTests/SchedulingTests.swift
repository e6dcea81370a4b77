import Speculate
import TestSupport
import Testing

@Suite(.serialized) struct SchedulingTests {
    private func engine(_ configuration: EngineConfiguration, drafter: DrafterSource = .promptLookup) async throws
        -> Engine
    {
        try await Engine.load(verifier: Fixtures.modelPath(), drafter: drafter, configuration: configuration)
    }

    private let endless = CompletionRequest(
        .text("Count: 1, 2, 3,"), maximumTokens: 4000, sampling: SamplingOptions(logitBias: [0: -1000, 2: -1000]))

    /// Waits until the engine has this to do.
    private func wait(_ engine: Engine, running: Int, waiting: Int = 0) async throws {
        for _ in 0..<500 {
            let activity = await engine.activity
            if activity.running == running, activity.waiting == waiting { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("the engine has \(await engine.activity), expected \(running) running and \(waiting) waiting")
    }

    @Test("what finds no place waits, what finds no place to wait is refused, and all others end")
    func overload() async throws {
        let engine = try await engine(EngineConfiguration(threads: 2, parallel: 1, queue: 1))
        let running = try await engine.stream(endless)
        try await wait(engine, running: 1)
        let short = CompletionRequest(.text("The sea"), maximumTokens: 5)
        let waiting = try await engine.stream(short)
        let error = await #expect(throws: EngineError.self) { try await engine.complete(short) }
        #expect(error?.code == .overloaded && error?.message.contains("1 requests wait") == true)
        #expect(await engine.activity.waiting == 1)
        running.stop()
        var result: CompletionResult?
        for try await delta in waiting { result = delta.result }
        #expect(result?.tokens == (try await engine.complete(short)).tokens)
        try await wait(engine, running: 0)
    }

    @Test("a completion can be stopped while it waits")
    func stoppedInQueue() async throws {
        let engine = try await engine(EngineConfiguration(threads: 2, parallel: 1))
        let running = try await engine.stream(endless)
        let waiting = Task { try await engine.complete(endless) }
        try await wait(engine, running: 1, waiting: 1)
        waiting.cancel()
        let result = try await waiting.value
        #expect(result.finishReason == .cancelled && result.tokens.isEmpty)
        running.stop()
        try await wait(engine, running: 0)
    }

    @Test("a completion whose time is up ends with what it has")
    func deadlines() async throws {
        let engine = try await engine(EngineConfiguration(threads: 2))
        var request = endless
        request.timeout = .milliseconds(300)
        let result = try await engine.complete(request)
        #expect(result.finishReason == .deadline && !result.tokens.isEmpty && !result.text.isEmpty)
        request.timeout = .zero
        #expect(try await engine.complete(request).tokens.isEmpty)
    }

    @Test("a reader that does not read stops its own completion alone, and loses nothing")
    func slowReader() async throws {
        let engine = try await engine(EngineConfiguration(threads: 2))
        var long = endless
        long.maximumTokens = 900
        let slow = try await engine.stream(long)
        let expected = try await engine.complete(long)  // Ends although nobody reads the other.
        #expect(await engine.activity.running == 1)
        var text = ""
        var result: CompletionResult?
        for try await delta in slow {
            text += delta.text
            result = delta.result
        }
        #expect(result?.tokens == expected.tokens && text == expected.text)
    }

    @Test("a stream that is dropped ends its completion")
    func dropping() async throws {
        let engine = try await engine(EngineConfiguration(threads: 2))
        func begin() async throws {
            for try await delta in try await engine.stream(endless) where !delta.pieces.isEmpty { break }
        }
        try await begin()
        try await wait(engine, running: 0)
    }

    @Test("a prompt that begins as an earlier one is not computed again, and gets the same text")
    func prefixes() async throws {
        let drafter = DrafterSource.diffusion(path: Fixtures.drafterPath)
        let engine = try await engine(EngineConfiguration(threads: 2), drafter: drafter)
        var fresh = EngineConfiguration(threads: 2)
        fresh.prefixMemory = 0
        let reference = try await self.engine(fresh, drafter: drafter)
        var conversation: [ChatMessage] = [
            .init(role: "system", content: String(decoding: try Fixtures.bytes("prose.txt").prefix(700), as: UTF8.self))
        ]
        for (turn, question) in ["Who wrote this?", "Why?", "Say it in one word."].enumerated() {
            conversation.append(.init(role: "user", content: question))
            for speculation in [Speculation.diffusion(depth: 4), .none, .tree(tokens: 6)] {
                let request = CompletionRequest(.chat(conversation), maximumTokens: 24, speculation: speculation)
                let result = try await engine.complete(request)
                let expected = try await reference.complete(request)
                #expect(result.tokens == expected.tokens, "turn \(turn), \(speculation)")
                #expect(expected.statistics.cachedPromptTokens == 0)
                if turn > 0 { #expect(result.statistics.cachedPromptTokens > 100) }
                #expect(result.statistics.cachedPromptTokens < result.statistics.promptTokens)
            }
            conversation.append(
                .init(
                    role: "assistant",
                    content: try await engine.complete(.init(.chat(conversation), maximumTokens: 24)).text))
        }
        #expect(await engine.activity.prefixMemory > 0)
        #expect(await engine.activity.prefixMemory <= 128 << 20)
        #expect(await reference.activity.prefixMemory == 0)
    }
}
