import Foundation
import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport
@testable import Speculate

/// What is told beside the text.
extension EngineTests {
    @Test("reported probabilities are the model's own, of every token whose text is shown, drafted or not")
    func logprobs() async throws {
        let engine = try await Engine.load(
            verifier: Fixtures.modelPath(), drafter: .file(path: Fixtures.drafterPath),
            configuration: EngineConfiguration(threads: 2))
        var request = CompletionRequest(
            .chat([.init(role: .user, content: "Write a limerick about 雨 and 🌧️.")]), maximumTokens: 60,
            sampling: SamplingOptions(temperature: 0.8, topK: 50, seed: 4), speculation: Speculation.none, logprobs: 20)
        func report(_ speculation: Speculation) async throws -> ([TokenLogprobs], CompletionResult) {
            request.speculation = speculation
            var tokens: [TokenLogprobs] = []
            var result: CompletionResult?
            for try await delta in try await engine.stream(request) {
                tokens += delta.pieces.flatMap(\.logprobs)
                result = delta.result
            }
            return (tokens, try #require(result))
        }
        let (plain, result) = try await report(.none)
        #expect(plain.map(\.chosen.token) == result.tokens.filter { $0 > 16 })  // All but the end token.
        #expect(String(decoding: plain.flatMap(\.chosen.bytes), as: UTF8.self) == result.text)
        for entry in plain {
            let likeliest = entry.likeliest.map(\.logprob)
            #expect(likeliest.count == 20 && likeliest == likeliest.sorted(by: >))
            #expect(likeliest.reduce(0) { $0 + Float(exp(Double($1))) } < 1.0001)
            if let known = entry.likeliest.first(where: { $0.token == entry.chosen.token }) {
                #expect(known == entry.chosen)
            } else {
                #expect(entry.chosen.logprob <= likeliest[19])
            }
        }
        for speculation in [Speculation.diffusion(depth: 5), .tree(tokens: 6), .adaptive] {
            #expect(try await report(speculation).0 == plain)
        }
        request.logprobs = 21
        await #expect(throws: EngineError(.invalidRequest, "logprobs is 21, expected 0 to 20")) {
            try await engine.complete(request)
        }
    }

    @Test(
        "the prompt's probabilities are those that its tokens have in an answer, however often it was computed before")
    func promptLogprobs() async throws {
        let engine = try await engine()
        var request = CompletionRequest(.text("The capital of France is"), maximumTokens: 30, logprobs: 3)
        var told: [TokenLogprobs] = []
        var answer: CompletionResult?
        for try await delta in try await engine.stream(request) {
            told += delta.pieces.flatMap(\.logprobs)
            answer = delta.result ?? answer
        }
        let result = try #require(answer)
        #expect(result.promptLogprobs.isEmpty)
        request = CompletionRequest(
            .tokens(result.promptTokens + result.tokens), maximumTokens: 0, logprobs: 3, promptLogprobs: true)
        for _ in 0..<2 {
            let echo = try await engine.complete(request)
            #expect(echo.tokens.isEmpty && echo.finishReason == .length && echo.text.isEmpty)
            #expect(echo.statistics.cachedPromptTokens == 0)
            #expect(echo.promptLogprobs.count == result.promptTokens.count + result.tokens.count)
            #expect(echo.promptLogprobs[0] == nil)
            #expect(echo.promptLogprobs.suffix(result.tokens.count).prefix(told.count).elementsEqual(told))
        }
    }

    @Test("an answer that goes round in circles ends with the third turn, at the same token whatever is drafted")
    func loops() async throws {
        let engine = try await Engine.load(
            verifier: Fixtures.modelPath(), drafter: .file(path: Fixtures.drafterPath),
            configuration: EngineConfiguration(threads: 2))
        var request = CompletionRequest(
            .text("la la la la la la la la"), maximumTokens: 200, endsLoops: true, speculation: Speculation.none)
        let plain = try await engine.complete(request)
        #expect(plain.finishReason == .loop && (12..<190).contains(plain.tokens.count))
        for speculation in [Speculation.adaptive, .lookup(depth: 8), .tree(tokens: 6)] {
            request.speculation = speculation
            let result = try await engine.complete(request)
            #expect(result.tokens == plain.tokens && result.text == plain.text && result.finishReason == .loop)
        }
        request.endsLoops = false
        let whole = try await engine.complete(request)
        #expect(whole.tokens.starts(with: plain.tokens) && whole.tokens.count == 200)
    }
}
