import Foundation
import TestSupport
import Testing

extension CommandLineTests {
    @Test("bench --raw continues prompts as they stand, which a model without a chat format needs")
    func rawBench() throws {
        try Fixtures.withTemporaryFolder { folder in
            let prompts = folder + "/prompts.jsonl"
            let lines = [#"{"prompt": "the the the the"}"#, #"{"prompt": "Say hi.", "category": "chat"}"#]
            try (lines.joined(separator: "\n") + "\n").write(toFile: prompts, atomically: true, encoding: .utf8)
            let words = [
                "bench", "-m", Fixtures.path("tiny-gemma3.gguf"), "--prompts", prompts, "--settings", "lookup:4", "-n",
                "8", "--repeats", "1", "--quiet",
            ]
            let refused = try run(words)
            #expect(refused.status == 65 && refused.log.contains("chat template"), "\(refused)")
            let result = try run(words + ["--raw"])
            #expect(result.status == 0 && result.output.contains("2/2"), "\(result)")
        }
    }
}
