import Foundation
import SpeculateShared
import Testing
import TestSupport

@testable import Speculate

/// Answers of a model whose tokenizer puts a space before a text.
@Suite struct SentencePieceTextTests {
    /// Three control tokens, the bytes, and a space.
    private func write(to path: String) throws {
        try Fixtures.write("tiny-llama3.gguf", to: path) { metadata in
            let bytes = (UInt8.min...UInt8.max).map { String(format: "<0x%02X>", $0) }
            let kinds = [Int32](repeating: 3, count: 3) + [Int32](repeating: 6, count: 256) + [1]
            metadata["tokenizer.ggml.model"] = .string("llama")
            metadata["tokenizer.ggml.tokens"] = .array(
                .string(ByteStrings(["<unk>", "<s>", "</s>"] + bytes + ["\u{2581}"])))
            metadata["tokenizer.ggml.token_type"] = .array(.int32(kinds))
            metadata["tokenizer.ggml.scores"] = .array(.float32([Float](repeating: 0, count: 260)))
            for key in ["merges", "pre", "eos_token_id"] { metadata["tokenizer.ggml.\(key)"] = nil }
        }
    }

    @Test("an answer that continues a text keeps its first space, one that begins a text has none of the tokenizer's")
    func firstSpace() async throws {
        try await Fixtures.withTemporaryFolder { folder in
            try write(to: "\(folder)/model.gguf")
            let engine = try await Engine.load(verifier: "\(folder)/model.gguf", drafter: DrafterSource.none)
            func answer(_ prompt: CompletionRequest.Prompt) async throws -> CompletionResult {
                let spaces = SamplingOptions(temperature: 0, logitBias: [259: 100])
                return try await engine.complete(.init(prompt, maximumTokens: 3, sampling: spaces))
            }
            let continued = try await answer(.text("a"))
            #expect(continued.tokens == [259, 259, 259] && continued.text == "   ")
            #expect(continued.promptTokens == [1, 259, 3 + 0x61])
            let begun = try await answer(.tokens([1]))
            #expect(begun.tokens == [259, 259, 259] && begun.text == "  ")
        }
    }
}
