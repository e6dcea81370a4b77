import Foundation
import TestSupport
import Testing

/// Drafters that learn from their user.
extension CommandLineTests {
    @Test("adapt writes a drafter that loads and leaves texts as they are, from text and from every form of history")
    func adapting() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (text, output) = (folder + "/notes.txt", folder + "/mine.drafter.gguf")
            let verifier = Fixtures.path("tiny-qwen2-target.gguf")
            let drafter = ["-m", verifier, "--drafter", Fixtures.path("tiny-qwen2-dspark.gguf")]
            try Data(Fixtures.bytes("prose.txt").prefix(4_000)).write(to: URL(filePath: text))
            let adapted = try run(
                ["adapt", "--text", text, "-o", output, "--minutes", "0.2", "--rate", "0.01"] + drafter)
            #expect(adapted.status == 0 && adapted.output == output + "\n", "\(adapted)")
            #expect(adapted.log.contains("tokens per round where nothing was learnt from"))
            #expect(!adapted.log.contains("\r"))
            let plain = try run("The old", "-n", "40", "-m", verifier, "--drafter", "none")
            let drafted = try run("The old", "-n", "40", "-m", verifier, "--drafter", output, "--depth", "4")
            #expect(plain.status == 0 && drafted.status == 0 && drafted.output == plain.output)
            #expect(try run("inspect", output).output.contains("speculate.adapted"))

            let refused = try run(["adapt", "--text", text, "-o", output] + drafter)
            #expect(refused.status == 64 && refused.log.contains("--force replaces it"), "\(refused)")

            let history = folder + "/history.jsonl"
            let lines = (0..<5).flatMap { number in
                [
                    #"{"prompt_ids":[\#(number + 40),41],"tokens":[50,51,52]}"#,
                    #"{"prompt":"Say \#(number).","text":"I said it.","raw":true}"#,
                    #"{"index":3,"error":"the prompt is too long"}"#, "",
                ]
            }
            try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: history))
            let learnt = try run(
                ["adapt", "--history", history, "-o", output, "--force", "--minutes", "0.1"] + drafter)
            // Ten answers are enough to learn from; whether it helps is chance.
            #expect([0, 1].contains(learnt.status) && learnt.log.contains("places learnt"), "\(learnt)")
            #expect(learnt.status == 0 || learnt.log.contains("nothing is written") && learnt.output.isEmpty)
        }
    }

    @Test("adapt refuses by name what it cannot learn from or with")
    func adaptingRefused() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (text, history, empty, output) = (folder + "/t", folder + "/h", folder + "/e", folder + "/o.gguf")
            try Data("Too short.".utf8).write(to: URL(filePath: text))
            try Data(#"{"prompt":"no answer"}"#.utf8).write(to: URL(filePath: history))
            try Data().write(to: URL(filePath: empty))
            let binary = folder + "/b"
            try Data([0xff, 0xfe]).write(to: URL(filePath: binary))
            let models = ["-m", Fixtures.path("tiny-qwen3.gguf"), "--drafter", Fixtures.path("tiny-drafter.gguf")]
            for (arguments, status, words) in [
                (["--text", text] + models, 64, "10 tokens of text to learn from, expected at least"),
                (["--text", text, "--history", history] + models, 64, "either --text or --history"),
                (models, 64, "either --text or --history"),
                (["--text", empty] + models, 66, "is empty"),
                (["--text", binary] + models, 64, "is not UTF-8"),
                (["--text", "/nowhere.txt"] + models, 66, "/nowhere.txt"),
                (["--history", history] + models, 64, "line 1: expected a JSON object with"),
                (["--history", "/nowhere.jsonl"] + models, 66, "/nowhere.jsonl"),
                (["--text", text, "--minutes", "0"] + models, 64, "--minutes is 0"),
                (["--text", text, "--rate", "nan"] + models, 64, "--rate is nan"),
                (["--text", text, "-m", models[1], "--drafter", "lookup"], 64, "--drafter"),
                (["--text", text, "-m", models[1], "--drafter", "/nowhere.gguf"], 66, "/nowhere.gguf"),
                (["--text", text, "-m", models[1], "--drafter", models[1]], 65, "no block diffusion drafter"),
                (
                    ["--text", text, "-m", Fixtures.path("tiny-llama3.gguf"), "--drafter", models[3]], 65,
                    "tiny-drafter"
                ),
            ] as [([String], Int32, String)] {
                let refused = try run(["adapt", "-o", output] + arguments)
                #expect(refused.status == status && refused.log.contains(words), "\(arguments): \(refused)")
                #expect(!FileManager.default.fileExists(atPath: output))
            }
            let nowhere = try run(["adapt", "-o", "/nowhere/x.gguf", "--text", text] + models)
            #expect(nowhere.status == 66 && nowhere.log.contains("/nowhere/x.gguf"), "\(nowhere)")
        }
    }
}
