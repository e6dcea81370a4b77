import Speculate
import TestSupport
import Testing

/// Several clients of one engine, and several readers of one stream.
@Suite(.serialized) struct ClientTests {
    private func engine(_ configuration: EngineConfiguration) async throws -> Engine {
        try await Engine.load(
            verifier: Fixtures.modelPath(), drafter: .file(path: Fixtures.drafterPath),
            configuration: configuration)
    }

    private func request(_ prompt: String, _ client: String?, tokens: Int = 60, seed: UInt64? = nil)
        -> CompletionRequest
    {
        CompletionRequest(
            .text(prompt), maximumTokens: tokens,
            sampling: SamplingOptions(
                temperature: seed == nil ? 0 : 0.9, logitBias: [0: -1000, 2: -1000], seed: seed ?? 0), client: client)
    }

    private func read(_ stream: CompletionStream) async throws -> CompletionResult {
        var result: CompletionResult?
        for try await delta in stream { result = delta.result }
        return try #require(result)
    }

    @Test(
        "what gives its slot to another client continues later with the same text, taken over or computed anew",
        arguments: [128 << 20, 0])
    func suspended(prefixMemory: Int) async throws {
        let engine = try await engine(EngineConfiguration(threads: 2, parallel: 2, prefixMemory: prefixMemory))
        let story = String(decoding: try Fixtures.bytes("prose.txt").prefix(1500), as: UTF8.self)
        let long = (0..<4).map { request("\(story) \($0)", "a", tokens: 150, seed: $0 % 2 == 0 ? nil : UInt64($0)) }
        let short = (0..<3).map { request("A short one, number \($0):", "b", tokens: 5) }
        let alone = EngineConfiguration(threads: 2, parallel: 1, prefixMemory: 0)
        let reference = try await self.engine(alone)
        var expected: [[Int32]] = []
        for request in long + short { expected.append(try await reference.complete(request).tokens) }

        let streams = try await engine.streams(long)
        let reading = streams.map { stream in Task { try await read(stream) } }
        for (place, request) in short.enumerated() {
            // The other client has both slots and more waiting, unless they have ended on a busy machine.
            while case let activity = await engine.activity, activity.running < 2, activity.waiting > 0 {
                try await Task.sleep(for: .milliseconds(1))
            }
            let result = try await engine.complete(request)
            #expect(result.tokens == expected[long.count + place])
        }
        for (place, task) in reading.enumerated() {
            let result = try await task.value
            #expect(result.tokens == expected[place] && result.finishReason == .length, "number \(place)")
        }
    }

    @Test("what one client's prompts begin with is neither used nor told for another's")
    func scopes() async throws {
        let engine = try await engine(EngineConfiguration(threads: 2))
        let prompt = String(decoding: try Fixtures.bytes("prose.txt").prefix(1000), as: UTF8.self)
        func cached(_ client: String?, _ salt: String? = nil) async throws -> Int {
            var request = request(prompt, client, tokens: 2)
            request.cacheSalt = salt
            return try await engine.complete(request).statistics.cachedPromptTokens
        }
        for (client, salt) in [("a", nil), ("b", nil), (nil, nil), ("a", "1"), ("a", "2"), (nil, "1")] {
            #expect(try await cached(client, salt) == 0)
            #expect(try await cached(client, salt) > 100)
        }
        // Requests that start together are isolated likewise.
        let together = try await engine.streams(
            ["c", "d", "c"].map { request(prompt + " And so", $0, tokens: 20) })
        var results: [CompletionResult] = []
        for stream in together { results.append(try await read(stream)) }
        #expect(results[0].statistics.cachedPromptTokens == 0 && results[1].statistics.cachedPromptTokens == 0)
        #expect(results[2].statistics.cachedPromptTokens > 100)
        #expect(results[0].tokens == results[1].tokens && results[0].tokens == results[2].tokens)
    }

    @Test("places are counted as requests come: all of a request's or none, and no client has more than its share")
    func places() async throws {
        let engine = try await engine(EngineConfiguration(threads: 1, parallel: 1, queue: 5, clientShare: 4))
        func error(_ requests: [CompletionRequest]) async -> EngineError.Code? {
            do {
                _ = try await engine.streams(requests)
                return nil
            } catch {
                return error.code
            }
        }
        let endless = request("Count:", "a", tokens: 4000)
        var held = try await engine.streams([endless, endless, endless])
        #expect(await error([endless, endless]) == .clientOverloaded)
        #expect(await error(Array(repeating: endless, count: 5)) == .invalidRequest)
        let other = request("Count:", "b", tokens: 4000)
        held += try await engine.streams([other, other])
        #expect(await error([other, other]) == .clientOverloaded)
        // Refused requests take no place.
        held += try await engine.streams([request("Count:", "c", tokens: 4000)])
        #expect(await error([request("x", "d")]) == .clientOverloaded)
        #expect(await error([request("x", nil)]) == .overloaded)
        for stream in held { stream.stop() }
        for stream in held { _ = try await read(stream) }
        _ = try await engine.complete(request("x", "c", tokens: 2))
        await #expect(throws: EngineError.self) { try await engine.complete(request("", "c")) }
        for _ in 0..<6 { _ = try await engine.complete(request("x", "c", tokens: 1)) }
    }

    @Test("a stream has one reader: a second iterator is refused, and the first continues")
    func iterators() async throws {
        let engine = try await engine(EngineConfiguration(threads: 2))
        let stream = try await engine.stream(request("Once upon a time", nil, tokens: 400))
        let first = stream.makeAsyncIterator()
        _ = try await first.next()
        let second = stream.makeAsyncIterator()
        let error = await #expect(throws: EngineError.self) { _ = try await second.next() }
        #expect(error?.message == "a second iterator reads the stream, expected one reader")
        var result: CompletionResult?
        while let delta = try await first.next() { result = delta.result }
        #expect(result?.tokens.count == 400)
    }

    @Test("a stream keeps its engine, also while its reader is behind")
    func lifetime() async throws {
        var stream: CompletionStream?
        do {
            let engine = try await engine(EngineConfiguration(threads: 2))
            stream = try await engine.stream(request("Once upon a time", nil, tokens: 700))
            // Usually long enough to fill the reader's queue.
            try await Task.sleep(for: .seconds(2))
        }
        let result = try await read(try #require(stream))
        #expect(result.tokens.count == 700)
    }
}
