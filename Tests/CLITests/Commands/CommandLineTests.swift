import Foundation
import Speculate
import SpeculateShared
import Testing
import TestSupport

/// The built program, as users run it.
@Suite(.serialized) struct CommandLineTests {
    struct Run {
        let status: Int32
        let output: String
        let log: String
    }

    static let program =
        Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }
        .map { $0.deletingLastPathComponent() } ?? Bundle.main.bundleURL

    func start(_ arguments: [String], input: [UInt8]?, model: String?) throws -> (Process, Pipe, Pipe) {
        let process = Process()
        process.executableURL = Self.program.appending(path: "speculate")
        process.arguments = arguments
        var environment = ProcessInfo.processInfo.environment
        environment["SPECULATE_MODEL"] = try model ?? Fixtures.modelPath()
        process.environment = environment
        let output = Pipe()
        let log = Pipe()
        process.standardOutput = output
        process.standardError = log
        let stdin = Pipe()
        process.standardInput = stdin
        try process.run()
        if let input { try stdin.fileHandleForWriting.write(contentsOf: input) }
        try stdin.fileHandleForWriting.close()
        return (process, output, log)
    }

    func run(_ arguments: String..., input: [UInt8]? = nil, model: String? = nil) throws -> Run {
        try run(arguments, input: input, model: model)
    }

    func run(_ arguments: [String], input: [UInt8]? = nil, model: String? = nil) throws -> Run {
        let (process, output, log) = try start(arguments, input: input, model: model)
        let out = try output.fileHandleForReading.readToEnd() ?? Data()
        let err = try log.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Run(
            status: process.terminationStatus, output: String(decoding: out, as: UTF8.self),
            log: String(decoding: err, as: UTF8.self))
    }

    @Test("text alone on standard output, statistics on standard error, and the same text whatever the drafter")
    func streams() throws {
        let plain = try run("The capital of France is", "-n", "40", "--drafter", "none")
        #expect(plain.status == 0)
        #expect(plain.output.hasPrefix(" Paris"))
        #expect(plain.log.contains("tokens/s") && plain.log.contains("off: no drafter"))
        let drafted = try run("complete", "The capital of France is", "-n", "40", "--depth", "6")
        #expect(drafted.output == plain.output)
        #expect(drafted.log.contains("τ "))
        let piped = try run("-n", "40", "--quiet", input: Array("The capital of France is\n".utf8))
        #expect(piped.output == plain.output && piped.log.isEmpty)
        let coloured = try run("a b c a b c a b c a b", "-n", "12", "--color", "--drafter", "lookup", "--depth", "3")
        #expect(coloured.output.contains("\u{1b}[32m"))
        let seeds = try ["lookup", "none", Fixtures.drafterPath].map {
            try run("Once", "-n", "30", "--temperature", "1", "--seed", "4", "--drafter", $0).output
        }
        #expect(seeds[0] == seeds[1] && seeds[0] == seeds[2])
    }

    @Test("draft shows every pass and fills gaps; inspect explains a drafter; another model's drafter is refused")
    func drafting() throws {
        let drafter = Fixtures.drafterPath
        let shown = try run("draft", "--drafter", drafter, "--passes", "4", "The capital of France is")
        #expect(shown.status == 0)
        for part in ["pass 1", "pass 4", "frozen", "verifier", "The verifier accepts"] {
            #expect(shown.output.contains(part))
        }
        let filled = try run("draft", "--drafter", drafter, "The capital of[MASK][MASK] is Paris", "--order", "random")
        #expect(filled.output.contains("[MASK]") && filled.output.contains(" Paris"))
        let none = try run("draft", "--drafter", "none", "The")
        #expect(none.status == 64 && none.log.contains("no block diffusion drafter"))
        for (arguments, words) in [(["--depth", "0"], "--depth is 0, expected 1"), (["--tree", "3"], "--tree")] {
            let refused = try run(["draft", "The", "--drafter", drafter] + arguments)
            #expect(refused.status == 64 && refused.log.contains(words), "\(refused)")
        }
        // The example of the demo and the manual: the second pass repairs the first.
        let repaired = try run(
            "draft", "--drafter", drafter, "--instruct", "--passes", "2", "What is the most common gas in the air?")
        #expect(repaired.output.contains(/7  " gas" \d+%\s+" air" \d+%\s+" air".*accepted/), "\(repaired.output)")
        #expect(try run("inspect", drafter).output.contains("Markov head of rank 64"))
        let other = try run("Once", "-n", "4", "--drafter", Fixtures.path("tiny-drafter.gguf"))
        #expect(other.status == 65 && other.log.contains("drafts for another model"))
        #expect(try run("Once", "-n", "4", "--drafter", "/nowhere.gguf").status == 66)
        #expect(try run("Once", "-n", "4", "--passes", "0").status == 64)
        #expect(try run("Once", "-n", "4", "--drafter", "lookup", "--passes", "3").status == 64)
    }

    @Test("bench measures every setting on every prompt, prints tables and writes all figures")
    func bench() throws {
        try Fixtures.withTemporaryFolder { folder in
            let prompts = folder + "/prompts.jsonl"
            let lines = [
                #"{"prompt": "Say hi.", "category": "chat"}"#,
                #"{"prompt": "One, two, three, one, two, three, one", "category": "continuation"}"#,
                #"{"prompt": "What is 2 + 2?", "category": "chat"}"#,
            ]
            try (lines.joined(separator: "\n") + "\n").write(toFile: prompts, atomically: true, encoding: .utf8)
            let file = folder + "/figures.json"
            let result = try run(
                "bench", "--prompts", prompts, "--settings", "adaptive", "lookup:4", "diffusion:2", "tree:3",
                "--temperatures", "0", "0.8", "-n", "12", "--repeats", "1", "--quiet", "--output", file, "--drafter",
                Fixtures.drafterPath)
            #expect(result.status == 0 && result.log.isEmpty)
            for part in [
                "adaptive", "tree:3", "Speed-up by category", "Accepted by position", "What passes cost", "In short:",
                "3/3",
            ] {
                #expect(result.output.contains(part))
            }
            let data = try Data(contentsOf: URL(filePath: file))
            let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            let series = try #require(object["series"] as? [[String: Any]])
            #expect(series.count == 10)
            for one in series {
                let outcomes = try #require(one["outcomes"] as? [[String: Any]])
                #expect(outcomes.count == 3)
                #expect(outcomes.allSatisfy { $0["is_plain_text"] as? Bool == true })
                #expect(outcomes.allSatisfy { ($0["tokens"] as? Int ?? 0) >= 2 })
            }
            let drafter = try #require(object["drafter"] as? [String: Any])
            #expect((drafter["fnv1a"] as? String)?.isEmpty == false)
            #expect(try run("bench", "--settings", "sideways:3").status == 64)
            #expect(try run("bench", "--repeats", "0").status == 64)
            #expect(try run("bench", "--depth", "3").status == 64)
            #expect(try run("bench", "--prompts", "/nowhere.jsonl").status == 66)
        }
    }

    @Test("--json prints one object with text, tokens and statistics")
    func json() throws {
        let result = try run("The capital of France is", "-n", "8", "--json", "--stop", ".")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        #expect(object["text"] as? String == " Paris")
        #expect(object["finish_reason"] as? String == "stop" && object["stop"] as? String == ".")
        let statistics = try #require(object["statistics"] as? [String: Any])
        #expect(statistics["prompt_tokens"] as? Int == 5 && statistics["completion_tokens"] as? Int == 2)
        #expect(result.log.isEmpty)
        #expect(object["tokens"] == nil)
        let asked = try run(
            "The capital of France is", "-n", "8", "--json", "--token-ids", "--presence-penalty", "-0.5")
        let ids = try JSONSerialization.jsonObject(with: Data(asked.output.utf8)) as? [String: Any]
        #expect((ids?["tokens"] as? [Int])?.count == 8)
    }

    @Test("an answer ends with a loop or after 512 tokens, unless told otherwise; -1 fills the context")
    func ends() throws {
        let loop = try run("la la la la la la la la")
        #expect(loop.log.contains("ended by a repetition"))
        let whole = try run("la la la la la la la la", "--keep-loops")
        #expect(whole.log.contains("512 tokens") && whole.output.hasPrefix(loop.output))
        let filled = try run("la la la la", "--keep-loops", "-n", "-1", "--context", "100", "--json")
        let object = try JSONSerialization.jsonObject(with: Data(filled.output.utf8)) as? [String: Any]
        let statistics = try #require(object?["statistics"] as? [String: Any])
        #expect((statistics["prompt_tokens"] as? Int ?? 0) + (statistics["completion_tokens"] as? Int ?? 0) == 100)
    }

    @Test("the demo shows the same answer twice and compares")
    func demo() throws {
        let result = try run("demo", "Name a fruit.", "-n", "20")
        #expect(result.status == 0 && result.log.isEmpty)
        for part in [
            "Prompt: Name a fruit.", "== Plain decoding", "== With drafts: several", "The same text, byte for byte",
            "Next:", "/speculate chat\n",
        ] {
            #expect(result.output.contains(part), "\(part)")
        }
        #expect(!result.output.contains("green"))
    }

    @Test("wrong usage, bad files and missing files have their exit status and say what is wrong")
    func errors() throws {
        try Fixtures.withTemporaryFolder { folder in
            let cut = folder + "/cut.gguf"
            let whole = FileHandle(forReadingAtPath: try Fixtures.modelPath())!
            try whole.read(upToCount: 1_000_000)!.write(to: URL(filePath: cut))
            let tiny = Fixtures.path("tiny-qwen3.gguf")
            let cases: [(Int32, String, Run)] = [
                (64, "--nonsense", try run("--nonsense", "x")),
                (64, "depth is 99", try run("x", "--depth", "99")),
                (64, "temperature is -2", try run("x", "--temperature=-2")),
                (64, "--system needs --instruct", try run("x", "--system", "y")),
                (64, "logit-bias", try run("x", "--logit-bias", "what")),
                (64, "prompt is empty", try run("")),
                (64, "--max-tokens is 0, expected 1 or more, or -1", try run("x", "-n", "0")),
                (66, "/nowhere.gguf", try run("x", "-m", "/nowhere.gguf")),
                (66, "make model", try run("x", model: "/nowhere.gguf")),
                (65, "cut.gguf", try run("x", "-m", cut)),
                (65, "GGUF", try run("x", "-m", Fixtures.path("prose.txt"))),
                (65, "give it text to continue", try run("x", "--instruct", "-m", tiny)),
                (65, "<|im_start|>", try run("x", "--instruct", "-m", tiny, "--chat-format", "chatml")),
                (64, "'[1]' is not a JSON object", try run("x", "--chat-template-kwargs", "[1]")),
                (64, "names 'tools'", try run("x", "--chat-template-kwargs", "{\"tools\": []}")),
                (66, "No such file", try run("inspect", "/nowhere.gguf")),
                (66, "the drafter /nowhere.gguf", try run("x", "--drafter", "/nowhere.gguf")),
                (65, "this is a drafter, expected the model", try run("x", "-m", Fixtures.drafterPath)),
                (64, "depth is 100, expected 0 to 63", try run("x", "--depth", "100")),
                (
                    64, "depth is 9, expected 1 to 8",
                    try run("draft", "x", "--depth", "9", "--drafter", Fixtures.drafterPath)
                ),
                (64, "did you mean 'serve'", try run("sevre")),
                (64, "no subcommand 'wrong'", try run("help", "wrong")),
                (64, "--token-ids needs --json", try run("x", "--token-ids")),
                (65, "cut.gguf", try run("inspect", cut)),
                (64, "--model is empty", try run("x", "--model", "")),
                (64, "--drafter is empty", try run("x", "--drafter", "")),
                (64, "put it in quotes, \"The capital …\"", try run("The", "capital", "of")),
                (66, "the drafter /nowhere.gguf", try run("serve", "--port", "0", "--drafter", "/nowhere.gguf")),
                (
                    66, "error: /nowhere/x: No such file",
                    try run("bench", "--output", "/nowhere/x")
                ),
                (
                    1, "error: cannot listen on nosuch.invalid:0: the host is not known\n",
                    try run("serve", "--port", "0", "--host", "nosuch.invalid", "-m", tiny)
                ),
            ]
            for (status, words, result) in cases {
                #expect(
                    result.status == status && result.log.contains(words) && result.output.isEmpty,
                    "\(words): \(result)")
            }
        }
    }

    @Test("a service that cannot load its model says only why")
    func refusedService() throws {
        let result = try run("serve", "--port", "0", "--drafter", Fixtures.path("tiny-drafter.gguf"))
        #expect(result.status == 65 && result.log.contains("it drafts for another model"), "\(result)")
        let lines = result.log.split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("speculate: error: ") } == 1)
        #expect(lines.count { !$0.hasPrefix("speculate: error: ") && !$0.hasPrefix("listening on") } == 0, "\(lines)")
    }

    @Test("Ctrl-C ends the answer after its round, prints statistics and exits with 130")
    func interrupt() throws {
        let (process, output, log) = try start(
            ["Count: 1, 2, 3,", "-n", "8000", "--logit-bias", "2=-1000", "--logit-bias", "0=-1000"], input: nil,
            model: nil)
        let first = output.fileHandleForReading.availableData
        #expect(!first.isEmpty)
        process.interrupt()
        _ = try output.fileHandleForReading.readToEnd()
        let text = String(decoding: try log.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130 && process.terminationReason == .exit)
        #expect(text.contains("ended by interruption"))
    }

    @Test("what follows the text begins a line of its own where both go to one place")
    func onePlace() throws {
        let process = Process()
        process.executableURL = Self.program.appending(path: "speculate")
        process.arguments = ["The United", "-n", "2", "-m", try Fixtures.modelPath()]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(text.contains("\nprompt  "), "\(text)")
    }

    @Test("completions know files and what words an option takes")
    func completions() throws {
        let script = try run("--generate-completion-script", "zsh").output
        let lines = script.split(separator: "\n")
        for option in ["--model", "--drafter"] {
            #expect(lines.contains { $0.contains(option) && $0.contains("_files -g") && $0.contains("*.gguf") })
        }
        #expect(lines.contains { $0.contains("--api-key-file") && $0.hasSuffix("_files'") })
        for words in ["('chatml' 'llama-3')", "('match' 'coupled' 'rejection' 'block')", "'left' 'confidence'"] {
            #expect(script.contains(words), "\(words)")
        }
    }

    @Test("inspect says what a file is")
    func inspect() throws {
        let result = try run("inspect", try Fixtures.modelPath())
        #expect(result.status == 0)
        for words in [
            "134.5 million weights", "llama.block_count", "pre-tokenizer smollm", "chat template: Jinja, 6 lines",
            "token_embd.weight", "Q4_1", "temperature 0.2, top-p 0.9",
        ] {
            #expect(result.output.contains(words), "\(words)")
        }
    }
}
