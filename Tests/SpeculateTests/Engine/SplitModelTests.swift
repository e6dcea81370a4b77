import Foundation
import Testing
import TestSupport

@testable import Speculate

/// A model in three files is the model in one.
@Suite struct SplitModelTests {
    private func engine(_ name: String) async throws -> Engine {
        try await Engine.load(
            verifier: Fixtures.path(name), configuration: EngineConfiguration(threads: 2, contextLength: 128))
    }

    @Test("it writes the same text, with drafts and without, and is known as the same model")
    func same() async throws {
        let whole = try await engine("tiny-qwen3.gguf")
        let split = try await engine("tiny-qwen3-00001-of-00003.gguf")
        #expect(split.model.fingerprint == whole.model.fingerprint && split.model.name == whole.model.name)
        let speculations: [Speculation?] = [Speculation.none, nil]
        for temperature in [Float(0), 0.9] {
            for speculation in speculations {
                let request = CompletionRequest(
                    .text("Hello the Hello the"), maximumTokens: 40,
                    sampling: SamplingOptions(temperature: temperature, seed: 5), speculation: speculation)
                let expected = try await whole.complete(request)
                let found = try await split.complete(request)
                #expect(found.tokens == expected.tokens && found.text == expected.text && found.tokens.count > 4)
            }
        }
    }

    @Test("a missing part is a missing file, named with its path; a later part is a wrong checkpoint")
    func refusals() async throws {
        try await Fixtures.withTemporaryFolder { folder in
            for part in [1, 3] {
                let name = "tiny-qwen3-0000\(part)-of-00003.gguf"
                try FileManager.default.copyItem(atPath: Fixtures.path(name), toPath: "\(folder)/\(name)")
            }
            let missing = await #expect(throws: EngineError.self) {
                try await Engine.load(verifier: "\(folder)/tiny-qwen3-00001-of-00003.gguf")
            }
            #expect(missing?.code == .fileMissing)
            #expect(missing?.message.hasPrefix("\(folder)/tiny-qwen3-00002-of-00003.gguf: No such file") == true)
        }
        let later = await #expect(throws: EngineError.self) { try await engine("tiny-qwen3-00002-of-00003.gguf") }
        #expect(later?.code == .invalidCheckpoint && later?.message.contains("this is part 2 of 3") == true)
    }
}
