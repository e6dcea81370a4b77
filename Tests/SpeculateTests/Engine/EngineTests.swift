import Foundation
import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport

@testable import Speculate

@Suite(.serialized) struct EngineTests {
    func engine(_ configuration: EngineConfiguration = EngineConfiguration(threads: 2)) async throws -> Engine {
        try await Engine.load(verifier: Fixtures.modelPath(), configuration: configuration)
    }

    @Test(
        "several streams at once give what each gives alone, drafts or none, whatever the cache's format",
        arguments: SpeculateShared.KVCacheFormat.allCases)
    func concurrent(_ format: SpeculateShared.KVCacheFormat) async throws {
        let engine = try await engine(EngineConfiguration(threads: 2, cacheFormat: format))
        let requests = ["The sea", "def main():", "In 1867,", "List: a, b, a, b, a,"].enumerated().map { index, text in
            CompletionRequest(
                .text(text), maximumTokens: 40,
                sampling: SamplingOptions(temperature: index % 2 == 0 ? 0 : 0.8, seed: 9))
        }
        var alone: [CompletionResult] = []
        for var request in requests {
            request.speculation = Speculation.none
            alone.append(try await engine.complete(request))
        }
        let together = try await withThrowingTaskGroup(of: (Int, CompletionResult).self) { group in
            for (index, request) in requests.enumerated() {
                group.addTask { (index, try await engine.complete(request)) }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for index in requests.indices {
            #expect(together[index]?.tokens == alone[index].tokens)
            #expect(together[index]?.text == alone[index].text)
        }
    }

    @Test("recorded hidden states are those of one pass over prompt and answer, whatever shared the passes")
    func recording() async throws {
        var configuration = EngineConfiguration(threads: 2, parallel: 3)
        configuration.recordedLayers = [0, 14, 29]
        let engine = try await Engine.load(
            verifier: Fixtures.modelPath(), drafter: .none, configuration: configuration)
        let long = Array(0..<300).map { Int32(1000 + 7 * $0) }
        let requests = [long, Array(long[..<280]) + [5, 6], [4, 5, 6]].enumerated().map { index, prompt in
            CompletionRequest(
                .tokens(prompt), maximumTokens: 4 + index,
                sampling: SamplingOptions(temperature: Float(index % 2), seed: 1))
        }
        let verifier = try Fixtures.verifier(threads: 2, taps: [0, 14, 29])
        let width = 3 * verifier.config.hidden
        for await element in engine.completeAll(requests) {
            let result = try element.result.get()
            let recorded = try #require(result.recorded)
            let tokens = (result.promptTokens + result.tokens).dropLast()
            let batch = RowBatch(capacity: 512)
            batch.append(tokens, to: try verifier.makeCache(), logits: .all)
            let pass = verifier.forward(batch)
            let states = tokens.indices.flatMap { row in
                (0..<width).map { UInt16(pass.hiddenStates[row][$0].nearestBFloat16 >> 16) }
            }
            #expect(recorded.numbers == states)
            #expect(recorded.logTotals.count == result.tokens.count)
            for (index, total) in recorded.logTotals.enumerated() {
                let logits = pass.logits(result.promptTokens.count - 1 + index)
                let sum = (0..<verifier.config.vocabulary).reduce(0.0) { $0 + exp(Double(logits[$1])) }
                #expect(abs(Double(total) - log(sum)) < 1e-4)
            }
        }
        #expect(try await self.engine().complete(requests[2]).recorded == nil)
    }

    @Test("states are not recorded of layers that are not there, nor beside drafts")
    func recordingRefused() async throws {
        for (layer, drafter) in [(30, DrafterSource.none), (-1, .none), (3, .lookup)] {
            var configuration = EngineConfiguration()
            configuration.recordedLayers = [layer]
            let error = await #expect(throws: EngineError.self) {
                try await Engine.load(
                    verifier: Fixtures.modelPath(), drafter: drafter, configuration: configuration)
            }
            #expect(error?.code == .invalidRequest)
        }
        var configuration = EngineConfiguration()
        configuration.recordedLayers = [3]
        let engine = try await Engine.load(
            verifier: Fixtures.modelPath(), drafter: .none, configuration: configuration)
        await #expect(throws: EngineError.self) {
            try await engine.complete(CompletionRequest(.text("The sea"), speculation: .lookup(depth: 4)))
        }
    }

    @Test("completions that share passes get what they get alone; a bad request fails alone", arguments: [1, 3, 16])
    func batches(parallel: Int) async throws {
        let engine = try await engine(EngineConfiguration(threads: 2, parallel: parallel))
        var requests = ["The sea", "def main():", "In 1867,", "a, b, a, b, a,", "Dear", "1 2 3"].enumerated().map {
            i, text in
            CompletionRequest(
                .text(text), maximumTokens: 10 + 7 * i, sampling: SamplingOptions(temperature: Float(i % 2), seed: 3),
                speculation: [Speculation.none, .lookup(depth: 4), .adaptive][i % 3])
        }
        requests.append(CompletionRequest(.tokens([Int32](repeating: 777, count: 700)), maximumTokens: 5))
        requests.insert(CompletionRequest(.text("")), at: 2)
        var results: [Int: Result<CompletionResult, EngineError>] = [:]
        for await element in engine.completeAll(requests) {
            #expect(results.updateValue(element.result, forKey: element.index) == nil)
        }
        #expect(results.count == requests.count)
        for (index, request) in requests.enumerated() {
            if index == 2 {
                #expect(throws: EngineError.self) { try results[index]?.get() }
            } else {
                let alone = try await engine.complete(request)
                let shared = try #require(try results[index]?.get())
                #expect(shared.tokens == alone.tokens && shared.finishReason == alone.finishReason)
            }
        }
        for await _ in engine.completeAll([]) { Issue.record("a result of nothing") }
    }

    @Test("a cancelled or stopped completion ends within a round and says what there is")
    func cancelling() async throws {
        let engine = try await engine()
        let request = CompletionRequest(.text("Count: 1, 2, 3,"), maximumTokens: 4000)
        let stream = try await engine.stream(request)
        var text = ""
        var result: CompletionResult?
        var deltasAfterStop = 0
        var isStopped = false
        for try await delta in stream {
            text += delta.text
            result = delta.result
            if isStopped { deltasAfterStop += 1 }
            if text.utf8.count >= 20, !isStopped {
                stream.stop()
                isStopped = true
            }
        }
        #expect(result?.finishReason == .cancelled)
        #expect(deltasAfterStop == 1 && result?.text == text)
        #expect((result?.tokens.count ?? 0) < 4000)

        let task = Task { try await engine.complete(request) }
        try await Task.sleep(for: .milliseconds(100))
        task.cancel()
        #expect(try await task.value.finishReason == .cancelled)

        // Prefill can be cancelled too.
        let long = CompletionRequest(.tokens([Int32](repeating: 1000, count: 8000)), maximumTokens: 10)
        let prefill = Task { try await engine.complete(long) }
        try await Task.sleep(for: .milliseconds(100))
        prefill.cancel()
        let unfinished = try await prefill.value
        #expect(unfinished.finishReason == .cancelled && unfinished.tokens.isEmpty)
    }

    @Test("requests that cannot be served are refused with the value at fault")
    func refusals() async throws {
        let engine = try await engine(EngineConfiguration(threads: 1, contextLength: 64))
        let cases: [(EngineError.Code, String, CompletionRequest)] = [
            (.invalidRequest, "prompt is empty", .init(.text(""))),
            (.invalidRequest, "49152", .init(.tokens([1, 49152]))),
            (.invalidRequest, "max_tokens is 0", .init(.text("a"), maximumTokens: 0)),
            (.invalidRequest, "temperature is -1", .init(.text("a"), sampling: .init(temperature: -1))),
            (.invalidRequest, "depth is 64", .init(.text("a"), speculation: .lookup(depth: 64))),
            (.invalidRequest, "stop holds a text of 0 bytes", .init(.text("a"), stop: [""])),
            (.contextOverflow, "64", .init(.tokens([Int32](repeating: 5, count: 64)))),
            (.invalidRequest, "prompt_logprobs", .init(.text("a"), promptLogprobs: true)),
        ]
        for (code, words, request) in cases {
            let error = await #expect(throws: EngineError.self) { try await engine.complete(request) }
            #expect(error?.code == code && error?.message.contains(words) == true, "\(error?.message ?? "accepted")")
        }
        let filledSampling = SamplingOptions(logitBias: [0: -1000, 2: -1000])
        let filled = try await engine.complete(CompletionRequest(.text("Once upon a time"), sampling: filledSampling))
        #expect(filled.finishReason == .length)
        #expect(filled.statistics.promptTokens + filled.tokens.count == 64)
        let more = CompletionRequest(.text("Once upon a time"), maximumTokens: .max, sampling: filledSampling)
        #expect(try await engine.complete(more).tokens == filled.tokens)
    }

    @Test("bad files and settings fail at load with the code of their kind")
    func loading() async throws {
        let cases: [(EngineError.Code, String, EngineConfiguration)] = [
            (.fileMissing, "/nowhere.gguf", .init()), (.invalidCheckpoint, Fixtures.path("prose.txt"), .init()),
            (.invalidRequest, try Fixtures.modelPath(), .init(threads: 0)),
            (.invalidRequest, try Fixtures.modelPath(), .init(parallel: 0)),
            (.invalidRequest, try Fixtures.modelPath(), .init(queue: -1)),
            (.invalidRequest, try Fixtures.modelPath(), .init(prefixMemory: -1)),
            (.invalidRequest, try Fixtures.modelPath(), .init(speculation: .lookup(depth: -1))),
            (.invalidRequest, try Fixtures.modelPath(), .init(contextLength: 8193)),
        ]
        for (code, path, configuration) in cases {
            let error = await #expect(throws: EngineError.self) {
                try await Engine.load(verifier: path, configuration: configuration)
            }
            #expect(error?.code == code, "\(error?.message ?? "accepted")")
        }
        let tiny = try await Engine.load(verifier: Fixtures.path("tiny-qwen3.gguf"))
        let chat = CompletionRequest(.chat([.init(role: .user, content: "x")]), maximumTokens: 2)
        let error = await #expect(throws: EngineError.self) { try await tiny.complete(chat) }
        #expect(
            error?.code == .unsupportedChatTemplate && error?.message.contains("no format's control tokens") == true)
    }

    @Test("the drafter beside the model is found; without one there are drafts from earlier text")
    func automaticDrafter() throws {
        try Fixtures.withTemporaryFolder { folder in
            let model = folder + "/some-model.Q4_1.gguf"
            #expect(DrafterSource.automatic.resolved(for: model) == .lookup)
            let drafter = folder + "/some-model.drafter.gguf"
            try Data().write(to: URL(filePath: drafter))
            #expect(DrafterSource.automatic.resolved(for: model) == .file(path: drafter))
            #expect(DrafterSource.none.resolved(for: model) == .none)
        }
    }

    @Test("tokens and their text are told, and what a model advises for sampling")
    func description() async throws {
        let engine = try await engine()
        #expect(engine.model.sampling == SamplingDefaults(temperature: 0.2, topP: 0.9))
        #expect(engine.model.endToken == "<|im_end|>")
        let tokens = try await engine.tokenize(.text("Hello, world"))
        #expect(try engine.detokenize(tokens) == "Hello, world")
        let parsed = try await engine.tokenize(.text("<|im_end|>"), parsesControlTokens: true)
        #expect(parsed == [2])
        #expect(try engine.pieces(of: tokens).flatMap { $0 } == Array("Hello, world".utf8))
        let turns = [ChatMessage(role: .user, content: "Hi"), ChatMessage(role: .assistant, content: "Hello")]
        let closed = try await engine.tokenize(.chat(turns), opensAnswer: false)
        #expect(try engine.detokenize(closed).hasSuffix("assistant\nHello<|im_end|>\n"))
        #expect(throws: EngineError.self) { try engine.detokenize([49152]) }
        #expect(throws: EngineError.self) { try engine.pieces(of: [49152]) }
    }
}

extension Float {
    /// The bits of the nearest number whose lower 16 bits are zero, ties to even, found by comparing both neighbours.
    fileprivate var nearestBFloat16: UInt32 {
        let below = bitPattern & 0xFFFF_0000
        let above = below + 0x1_0000
        let (down, up) = (Float(bitPattern: below), Float(bitPattern: above))
        let (toDown, toUp) = (abs(self - down), abs(up - self))
        if toDown == toUp { return below >> 16 & 1 == 0 ? below : above }
        return toDown < toUp ? below : above
    }
}
