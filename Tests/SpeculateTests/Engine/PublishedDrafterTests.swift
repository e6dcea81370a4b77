import SpeculateShared
import TestSupport
import Testing
@testable import Speculate

/// Completions with published kinds of drafters, whose weights are random here.
@Suite struct PublishedDrafterTests {
    private static let names = [
        "tiny-dflash", "tiny-dflash-keys", "tiny-dflash2", "tiny-dspark", "tiny-eagle3", "tiny-eagle3-own",
        "tiny-dspark-selector", "tiny-dspark-conv", "tiny-qwen2-dflash", "tiny-qwen2-dflash2", "tiny-qwen2-dspark",
        "tiny-qwen2-eagle3", "tiny-qwen3-dflash",
        "tiny-qwen3-dflash2", "tiny-qwen3-dspark", "tiny-qwen3-eagle3",
    ]

    private func engine(
        _ drafter: DrafterSource, verifier: String = "tiny-target", parallel: Int = 1
    ) async throws -> Engine {
        var configuration = EngineConfiguration(threads: 2)
        configuration.parallel = parallel
        return try await Engine.load(
            verifier: Fixtures.path("\(verifier).gguf"), drafter: drafter, configuration: configuration)
    }

    private func request(_ index: Int) -> CompletionRequest {
        var request = CompletionRequest(
            .tokens((0..<20 + index).map { Int32(($0 * 31 + index * 7 + 5) % 250) }), maximumTokens: 40)
        if index % 3 > 0 { request.sampling = SamplingOptions(temperature: 0.5, seed: UInt64(index)) }
        request.acceptance = index % 3 == 1 ? .match : .coupled
        return request
    }

    @Test(
        "the text is plain decoding's: greedy, match and coupled; one by one, together, and continued", arguments: names
    )
    func equality(_ name: String) async throws {
        let source = DrafterSource.file(path: Fixtures.path("\(name).gguf"))
        let verifier = try Fixtures.target(of: name)
        let plain = try await engine(.none, verifier: verifier)
        let drafting = try await engine(source, verifier: verifier)
        let fixed: Speculation = name.contains("eagle") ? .eagle(depth: 5) : .diffusion(depth: 5)
        var (drafted, expected) = (0, [[Int32]]())
        for index in 0..<12 {
            var request = request(index)
            expected.append(try await plain.complete(request).tokens)
            for speculation in [fixed, .adaptive] {
                request.speculation = speculation
                let result = try await drafting.complete(request)
                #expect(result.tokens == expected[index], "\(index), \(speculation)")
                drafted += result.statistics.drafted
                // What the answer left to others is taken up.
                guard case .tokens(let prompt) = request.prompt else { continue }
                var next = request
                next.prompt = .tokens(prompt + result.tokens + [9, 8])
                let continued = try await drafting.complete(next)
                next.speculation = Speculation.none
                #expect(continued.statistics.cachedPromptTokens > 0)
                #expect(try await plain.complete(next).tokens == continued.tokens, "\(index), continued")
            }
        }
        #expect(drafted > 500)
        let together = try await engine(source, verifier: verifier, parallel: 4)
        let requests = (0..<12).map { index in
            var request = request(index)
            request.speculation = fixed
            return request
        }
        for (index, stream) in try await together.streams(Array(requests.prefix(4))).enumerated() {
            var tokens: [Int32]?
            for try await delta in stream { tokens = delta.result?.tokens ?? tokens }
            #expect(tokens == expected[index])
        }
    }

    @Test("a file's kind decides what can be asked of it, and what is said of it")
    func kinds() async throws {
        for (name, wrong, expected) in [
            ("tiny-eagle3", Speculation.diffusion(depth: 3), "a diffusion drafter"),
            ("tiny-eagle3", .tree(tokens: 3), "a diffusion drafter"),
            ("tiny-dflash", .eagle(depth: 3), "an EAGLE drafter"),
        ] {
            let engine = try await engine(.file(path: Fixtures.path("\(name).gguf")))
            var request = request(0)
            request.speculation = wrong
            var message = ""
            do throws(EngineError) { _ = try await engine.complete(request) } catch { message = error.message }
            #expect(message.contains(expected))
        }
        var message = ""
        do throws(EngineError) {
            _ = try await Engine.load(
                verifier: Fixtures.path("tiny-target.gguf"), drafter: .file(path: Fixtures.path("tiny-qwen3.gguf")))
        } catch { message = error.message }
        #expect(message.contains("'dflash' or 'eagle3', a drafter"))
        func lines(_ name: String) throws -> String {
            try DrafterDescription(Checkpoint(path: Fixtures.path("\(name).gguf"))).lines.joined(separator: "\n")
        }
        #expect(try lines("tiny-dflash").contains("DFlash, for a verifier of width 64 with these 260 tokens"))
        #expect(try lines("tiny-drafter").contains("DSpark, for"))
        #expect(try lines("tiny-dflash2").contains("DFlash 2, for"))
        #expect(try lines("tiny-dflash2").contains("selector among 6 tokens, of rank 32"))
        #expect(try lines("tiny-eagle3-own").contains("EAGLE-3, for"))
        #expect(try lines("tiny-eagle3-own").contains("can draft 160 of 260 tokens"))
    }
}
