import Speculate
import TestSupport
import Testing

@Suite(.serialized) struct SchedulingTests {
    private func engine(_ configuration: EngineConfiguration, drafter: DrafterSource = .lookup) async throws
        -> Engine
    {
        try await Engine.load(verifier: Fixtures.modelPath(), drafter: drafter, configuration: configuration)
    }

    private let endless = CompletionRequest(
        .text("Count: 1, 2, 3,"), maximumTokens: 4000, sampling: SamplingOptions(logitBias: [0: -1000, 2: -1000]))

    /// Waits until the engine has this activity; with a long timeout, since other suites use the processors too.
    private func wait(_ engine: Engine, running: Int, waiting: Int = 0) async throws {
        for _ in 0..<15000 {
            let activity = await engine.activity
            if activity.running == running, activity.waiting == waiting { return }
            try await Task.sleep(for: .milliseconds(2))
        }
        Issue.record("the engine has \(await engine.activity), expected \(running) running and \(waiting) waiting")
    }

    @Test("what finds no place waits, what finds no place to wait is refused, and all others end")
    func overload() async throws {
        let engine = try await engine(EngineConfiguration(threads: 2, parallel: 1, queue: 1))
        // Not a stream: with a slow reader it would yield its slot to the waiting one.
        let running = Task { try await engine.complete(endless) }
        try await wait(engine, running: 1)
        let short = CompletionRequest(.text("The sea"), maximumTokens: 5)
        let waiting = try await engine.stream(short)
        let error = await #expect(throws: EngineError.self) { try await engine.complete(short) }
        #expect(
            error?.code == .overloaded
                && error?.message == "2 completions are in progress or waiting, expected at most 2")
        #expect(await engine.activity.waiting == 1)
        running.cancel()
        var result: CompletionResult?
        for try await delta in waiting { result = delta.result }
        let alone = try await engine.complete(short)
        #expect(result?.tokens == alone.tokens)
        try await wait(engine, running: 0)
    }

    @Test("a completion can be stopped while it waits")
    func stoppedInQueue() async throws {
        let engine = try await engine(EngineConfiguration(threads: 2, parallel: 1))
        // Not a stream: with a slow reader it would yield its slot to the waiting one.
        let running = Task { try await engine.complete(endless) }
        try await wait(engine, running: 1)
        let waiting = Task { try await engine.complete(endless) }
        try await wait(engine, running: 1, waiting: 1)
        waiting.cancel()
        let result = try await waiting.value
        #expect(result.finishReason == .cancelled && result.tokens.isEmpty)
        running.cancel()
        try await wait(engine, running: 0)
    }

    @Test("a completion whose time is up ends with what it has")
    func deadlines() async throws {
        let engine = try await engine(EngineConfiguration(threads: 2))
        var request = endless
        // The time to first token depends on what else runs: double the timeout until there is one.
        var timeout = Duration.milliseconds(150)
        var result: CompletionResult
        repeat {
            timeout *= 2
            request.timeout = timeout
            result = try await engine.complete(request)
            #expect(result.finishReason == .deadline)
        } while result.tokens.isEmpty && timeout < .seconds(60)
        #expect(!result.tokens.isEmpty && !result.text.isEmpty)
        request.timeout = timeout * 6  // Usually long enough to fill the reader's queue.
        let unread = try await engine.stream(request)
        try await wait(engine, running: 0)
        var last: CompletionResult?
        for try await delta in unread { last = delta.result }
        #expect(last?.finishReason == .deadline && last?.tokens.isEmpty == false)
        request.timeout = .zero
        #expect(try await engine.complete(request).tokens.isEmpty)
    }

    @Test("a reader that does not read stops its own completion alone, and loses nothing")
    func slowReader() async throws {
        let engine = try await engine(EngineConfiguration(threads: 2))
        var long = endless
        long.maximumTokens = 900
        let slow = try await engine.stream(long)
        let expected = try await engine.complete(long)  // Finishes although nobody reads the other.
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
        let drafter = DrafterSource.file(path: Fixtures.drafterPath)
        let engine = try await engine(EngineConfiguration(threads: 2), drafter: drafter)
        var fresh = EngineConfiguration(threads: 2)
        fresh.prefixMemory = 0
        let reference = try await self.engine(fresh, drafter: drafter)
        var conversation: [ChatMessage] = [
            .init(role: .system, content: String(decoding: try Fixtures.bytes("prose.txt").prefix(700), as: UTF8.self))
        ]
        for (turn, question) in ["Who wrote this?", "Why?", "Say it in one word."].enumerated() {
            conversation.append(.init(role: .user, content: question))
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
                    role: .assistant,
                    content: try await engine.complete(.init(.chat(conversation), maximumTokens: 24)).text))
        }
        #expect(await engine.activity.prefixMemory > 0)
        #expect(await engine.activity.prefixMemory <= 128 << 20)
        #expect(await reference.activity.prefixMemory == 0)
    }

    @Test("prompts that begin alike and come together are read once, and get the same text")
    func sharedPrompts() async throws {
        let drafter = DrafterSource.file(path: Fixtures.drafterPath)
        let engine = try await engine(EngineConfiguration(threads: 2, prefixMemory: 0), drafter: drafter)
        let opening = String(decoding: try Fixtures.bytes("prose.txt").prefix(3000), as: UTF8.self)
        let requests = (0..<8).map { index in
            CompletionRequest(
                .text(index < 5 ? opening : opening + " And then, \(index)"), maximumTokens: 20,
                sampling: SamplingOptions(temperature: 0.9, seed: UInt64(index)),
                speculation: index % 2 == 0 ? .diffusion(depth: 3) : .adaptive)
        }
        var expected: [CompletionResult] = []
        for request in requests { expected.append(try await engine.complete(request)) }
        #expect(expected.allSatisfy { $0.statistics.cachedPromptTokens == 0 })
        var read = 0
        for (stream, expected) in zip(try await engine.streams(requests), expected) {
            var result: CompletionResult?
            for try await delta in stream { result = delta.result }
            let statistics = try #require(result).statistics
            #expect(result?.tokens == expected.tokens)
            read += statistics.promptTokens - statistics.cachedPromptTokens
        }
        // Each computes its last token itself, and all but one the tokens that the others do not share.
        #expect(read < expected[0].statistics.promptTokens + 8 * 40)
    }

    @Test(
        "a completion ends within a round of being cancelled while its prompt is read, drafted for, judged or streamed")
    func cancelledInEveryPhase() async throws {
        let engine = try await engine(
            EngineConfiguration(threads: 2), drafter: .file(path: Fixtures.drafterPath))
        let prompt = String(decoding: try Fixtures.bytes("prose.txt").prefix(12000), as: UTF8.self)
        let reading = Task { try await engine.complete(.init(.text(prompt), maximumTokens: 200)) }
        try await wait(engine, running: 1)
        reading.cancel()
        let early = try await reading.value
        #expect(early.finishReason == .cancelled && early.tokens.isEmpty && early.text.isEmpty)
        let start = ContinuousClock.now
        let whole = try await engine.complete(.init(endless.prompt, maximumTokens: 600, sampling: endless.sampling))
        let duration = ContinuousClock.now - start
        var lengths: Set<Int> = []
        for delay in 0..<40 {
            let stream = try await engine.stream(endless)
            let task = Task {
                var text = ""
                var result: CompletionResult?
                for try await delta in stream {
                    text += delta.text
                    result = delta.result
                }
                return (text, result)
            }
            try await Task.sleep(for: duration * delay / 400)  // By then about 60 tokens are out.
            task.cancel()
            let (text, result) = try await task.value
            #expect(result?.finishReason == .cancelled && text == result?.text)
            #expect(whole.tokens.starts(with: result?.tokens ?? []))
            lengths.insert(result?.tokens.count ?? 0)
            #expect(await engine.activity.running == 0)
        }
        #expect(lengths.count > 3)  // They were cancelled at different points.
    }

    @Test("an engine that is shut down ends what it has begun, and refuses what comes then")
    func draining() async throws {
        let engine = try await engine(EngineConfiguration(threads: 2, parallel: 1))
        let first = Task { try await engine.complete(.init(.text("The sea"), maximumTokens: 300)) }
        let second = Task { try await engine.complete(.init(.text("A tree"), maximumTokens: 30)) }
        try await wait(engine, running: 1, waiting: 1)
        let draining = Task { await engine.drain() }
        var refusal: EngineError?
        while refusal == nil {
            do throws(EngineError) {
                // Ends at once: its timeout is zero.
                _ = try await engine.complete(.init(.text("x"), timeout: .zero))
            } catch {
                refusal = error
            }
        }
        #expect(refusal?.code == .shuttingDown)
        await draining.value
        #expect(try await first.value.tokens.count + second.value.tokens.count > 0)
        #expect(try await [first.value, second.value].allSatisfy { $0.finishReason != .cancelled })
        #expect(await engine.activity.running == 0)
    }

    @Test("an engine that is shut down at once ends what it has begun where it stands")
    func stopping() async throws {
        let engine = try await engine(EngineConfiguration(threads: 2, parallel: 1))
        let tasks = (0..<3).map { _ in Task { try await engine.complete(endless) } }
        try await wait(engine, running: 1, waiting: 2)
        let draining = Task { await engine.drain() }
        draining.cancel()
        await draining.value
        for task in tasks { #expect(try await task.value.finishReason == .cancelled) }
    }
}
