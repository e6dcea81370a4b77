import Foundation
import TestSupport
import Testing

/// Drafters that learn from what is asked.
extension CommandLineTests {
    @Test("chat --learn-to keeps a better drafter at the end, which leaves texts as they are; --learn keeps nothing")
    func learning() throws {
        try Fixtures.withTemporaryFolder { folder in
            let output = folder + "/learnt.gguf"
            let verifier = folder + "/verifier.gguf"
            try Fixtures.write("tiny-qwen2-target.gguf", to: verifier) {
                $0["tokenizer.chat_template"] = .string("{% for m in messages %}{{ m.content }}{% endfor %}")
            }
            let models = ["-m", verifier]
            let drafter = ["--drafter", Fixtures.path("tiny-qwen2-dspark.gguf"), "--depth", "4"]
            let chat = ["chat", "-n", "60", "--temperature", "0"]
            let input = Array(String(repeating: "The old keeper\n/reset\n", count: 8).utf8)
            let plain = try run(chat + models + ["--drafter", "none"], input: input)
            let learnt = try run(chat + models + drafter + ["--learn-to", output], input: input)
            #expect(plain.status == 0 && learnt.status == 0 && learnt.output == plain.output, "\(learnt)")
            #expect(learnt.log.contains("the drafter with what was learnt is \(output)"), "\(learnt.log)")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [
                    "learnt.gguf", "verifier.gguf",
                ])
            let next = try run(chat + models + ["--drafter", output, "--depth", "4", "--learn"], input: input)
            #expect(next.status == 0 && next.output == plain.output && !next.log.contains("learnt"), "\(next)")

            let little = try run(
                chat + models + drafter + ["--learn-to", folder + "/other.gguf"], input: Array("Hi\n".utf8))
            #expect(little.status == 0 && little.log.contains("other.gguf is not written"), "\(little)")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [
                    "learnt.gguf", "verifier.gguf",
                ])
        }
    }

    @Test("learning is refused by name where there is nothing that learns, no place for it, or others to tell apart")
    func learningRefused() throws {
        try Fixtures.withTemporaryFolder { folder in
            let keys = folder + "/keys"
            try Data("one\ntwo\n".utf8).write(to: URL(filePath: keys))
            let models = ["-m", Fixtures.path("tiny-qwen3.gguf"), "--drafter", Fixtures.path("tiny-drafter.gguf")]
            for (arguments, status, words) in [
                (["chat", "--learn", "--drafter", "none"], 64, "the drafter is none"),
                (["chat", "--learn", "--drafter", "lookup"], 64, "the drafter is lookup"),
                (["chat", "--learn", "--depth", "0"], 64, "the drafter is none"),
                (["chat", "--learn-to", ""], 64, "--learn-to is empty"),
                (["chat", "--learn-to", "/nowhere/x.gguf"] + models, 66, "/nowhere/x.gguf"),
                (["serve", "--learn", "--api-key-file", keys, "--port", "0"] + models, 64, "holds 2 keys"),
                (["serve", "--learn", "--port", "0", "--drafter", "lookup"], 64, "the drafter is lookup"),
            ] as [([String], Int32, String)] {
                let refused = try run(arguments)
                #expect(refused.status == status && refused.log.contains(words), "\(arguments): \(refused)")
            }
        }
    }
}
