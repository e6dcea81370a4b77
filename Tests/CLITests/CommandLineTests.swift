import Foundation
import Speculate
import SpeculateShared
import Testing
import TestSupport

/// The built program, as a user meets it.
@Suite(.serialized) struct CommandLineTests {
    private struct Run {
        let status: Int32
        let output: String
        let log: String
    }

    private static let program =
        Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }
        .map { $0.deletingLastPathComponent() } ?? Bundle.main.bundleURL

    private func start(_ arguments: [String], input: [UInt8]?, model: String?) throws -> (Process, Pipe, Pipe) {
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

    private func run(_ arguments: String..., input: [UInt8]? = nil, model: String? = nil) throws -> Run {
        try run(arguments, input: input, model: model)
    }

    private func run(_ arguments: [String], input: [UInt8]? = nil, model: String? = nil) throws -> Run {
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
        let coloured = try run("a b c a b c a b c a b", "-n", "12", "--color", "--drafter", "lookup")
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
        // What the demo and the manual show: the second pass repairs the first.
        let repaired = try run(
            "draft", "--drafter", drafter, "--instruct", "--passes", "2", "What is the most common gas in the air?")
        #expect(repaired.output.contains("The verifier accepts all 8 drafted tokens."), "\(repaired.output)")
        #expect(try run("inspect", drafter).output.contains("Markov head of rank 64"))
        let other = try run("Once", "-n", "4", "--drafter", Fixtures.path("tiny-drafter.gguf"))
        #expect(other.status == 65 && other.log.contains("drafts for another model"))
        #expect(try run("Once", "-n", "4", "--drafter", "/nowhere.gguf").status == 66)
        #expect(try run("Once", "-n", "4", "--passes", "0").status == 64)
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
                (65, "--chat-format", try run("x", "--instruct", "-m", tiny)),
                (65, "<|im_start|>", try run("x", "--instruct", "-m", tiny, "--chat-format", "chatml")),
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

    private struct BatchLine: Decodable {
        let index: Int
        let id: String?
        let text: String?
        let error: String?
    }

    @Test("a batch that was killed goes on where it was, and refuses to mix settings or prompts")
    func batch() throws {
        try Fixtures.withTemporaryFolder { folder in
            let prompts = folder + "/prompts.jsonl"
            let output = folder + "/output.jsonl"
            let texts = (0..<12).map { #"{"id":"p\#($0)","prompt":"Name \#($0) animals.","raw":\#($0 % 2 == 0)}"# }
            try Data(
                (texts + [#"{"prompt":"\#(String(repeating: "long ", count: 9000))"}"#, ""]).joined(separator: "\n")
                    .utf8
            )
            .write(to: URL(filePath: prompts))
            let arguments = ["batch", "--prompts", prompts, "--output", output, "-n", "30", "--parallel", "2"]

            let (process, _, _) = try start(arguments, input: nil, model: nil)
            while (try? Data(contentsOf: URL(filePath: output)))?.isEmpty ?? true { usleep(2_000) }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            let partial = try Data(contentsOf: URL(filePath: output))
            let whole = partial.split(separator: 10)
            #expect((1..<13).contains(whole.count))
            try (partial + Data("{\"index\":3,\"te".utf8)).write(to: URL(filePath: output))

            let resumed = try run(arguments)
            #expect(resumed.status == 0 && resumed.log.contains("13 of 13 done"), "\(resumed)")
            let data = try Data(contentsOf: URL(filePath: output))
            #expect(data.starts(with: partial))
            let lines = try data.split(separator: 10).map { try JSONDecoder().decode(BatchLine.self, from: $0) }
            #expect(lines.map(\.index).sorted() == Array(0..<13))
            #expect(
                lines.allSatisfy {
                    ($0.error != nil) == ($0.index == 12) && $0.id == ($0.index == 12 ? nil : "p\($0.index)")
                })
            #expect(!String(decoding: data, as: UTF8.self).contains("\"tokens\""))
            let alone = try run("Name 4 animals.", "-n", "30", "--quiet")
            #expect(lines.first { $0.index == 4 }?.text == alone.output)

            #expect(try run(["batch", "--prompts", prompts, "--output", "/nowhere/x.jsonl"]).status == 66)
            #expect(try run(arguments + ["--temperature", "1"]).status == 64)
            try Data(#"{"id":"other","prompt":"x"}"#.utf8).write(to: URL(filePath: prompts))
            #expect(try run(arguments).status == 64)
            try Data("not json\n".utf8).write(to: URL(filePath: prompts))
            let bad = try run(arguments)
            #expect(bad.status == 64 && bad.log.contains("line 1"))
            #expect(try run(["batch", "--prompts", "/nowhere.jsonl", "--output", output]).status == 66)
        }
    }

    @Test("a batch goes on with what it was begun with, and names what is another now")
    func batchConflicts() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (prompts, output, states) = (folder + "/prompts", folder + "/output", folder + "/states")
            func write(_ texts: String...) throws {
                let lines = texts.enumerated().map { #"{"id":"p\#($0)","prompt":"\#($1)","raw":true}"# }
                try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: prompts))
            }
            let arguments = ["batch", "--prompts", prompts, "--output", output, "-n", "4"]
            let recording = arguments + ["--states", states, "--states-entering", "2"]
            try write("One", "Two")
            #expect(try run(recording).status == 0)
            try write("One", "Three")  // The same id.
            let edited = try run(recording)
            #expect(edited.status == 64 && edited.log.contains("made from another prompt than number 2 is now"))
            try write("One", "Two")
            let moved = try run(arguments + ["--states", states + "2", "--states-entering", "2"])
            #expect(moved.status == 64 && moved.log.contains("its states are in 'states', not in 'states2'"))
            try Data().write(to: URL(filePath: states))
            let emptied = try run(recording)
            #expect(emptied.status == 64 && emptied.log.contains("its states are no longer in 'states'"))
            let before = try Data(contentsOf: URL(filePath: output))
            #expect(before.split(separator: 10).count == 2)

            let held = folder + "/held"
            try write("Count: 1, 2, 3,")
            let long = ["batch", "--prompts", prompts, "--output", held, "-n", "8000", "--logit-bias", "2=-1000"]
            let (process, _, log) = try start(long, input: nil, model: nil)
            while !FileManager.default.fileExists(atPath: held) { usleep(2_000) }
            usleep(100_000)
            let second = try run(long)
            #expect(second.status == 66 && second.log.contains("is being written by another run"), "\(second)")
            process.terminate()
            _ = try log.fileHandleForReading.readToEnd()
            process.waitUntilExit()
        }
    }

    @Test("what is no file to read or write is an error at once")
    func devices() throws {
        try Fixtures.withTemporaryFolder { folder in
            let prompts = folder + "/prompts"
            try Data("{\"prompt\":\"Hi\"}\n".utf8).write(to: URL(filePath: prompts))
            for path in ["/dev/full", "/dev/zero", folder] {
                let result = try run("batch", "--prompts", prompts, "--output", path, "-n", "2")
                #expect(result.status == 66 && result.log.contains(path), "\(result)")
            }
            #expect(mkfifo(folder + "/pipe", 0o600) == 0)
            for path in [folder + "/pipe", "/dev/zero"] {
                let result = try run("inspect", path)
                #expect(result.status == 66 && result.log.contains("is not a regular file"), "\(result)")
            }
        }
    }

    @Test("every number of the sampling flags is used, or refused in the library's own words")
    func numbers() throws {
        let numbers = [
            "0", "-0.0", "1e-45", "1e-40", "1e-10", "0.5", "1", "1.00001", "1000", "1000.1", "3e38", "1e39", "inf",
            "-inf",
            "nan", "-1", "-1e-45", "-1000.5",
        ]
        let tiny = Fixtures.path("tiny-qwen3.gguf")
        let fields: [(String, WritableKeyPath<SamplingOptions, Float>)] = [
            ("--temperature", \.temperature), ("--top-p", \.topP), ("--min-p", \.minP),
            ("--repetition-penalty", \.repetitionPenalty), ("--presence-penalty", \.presencePenalty),
            ("--frequency-penalty", \.frequencyPenalty),
        ]
        for (flag, field) in fields {
            for number in numbers {
                let others = flag == "--temperature" ? ["--min-p", "0.1"] : ["--temperature", "0.8"]
                let result = try run(["abc", "-n", "3", "-q", "-m", tiny, "\(flag)=\(number)"] + others)
                var options = SamplingOptions()
                options[keyPath: field] = try #require(Float(number))
                if let problem = options.problem() {
                    let name = flag.dropFirst(2).replacing("-", with: "_")
                    let expected = "speculate: error: \(problem.replacing(name, with: flag))\n"
                    #expect(result.status == 64 && result.log == expected, "\(flag) \(number): \(result.log)")
                } else {
                    #expect(result.status == 0 && result.log.isEmpty, "\(flag) \(number): \(result)")
                }
            }
        }
    }

    @Test("every whole number of the flags is used, or refused in the library's own words")
    func wholeNumbers() throws {
        let tiny = Fixtures.path("tiny-qwen3.gguf")
        func request(_ change: (inout CompletionRequest) -> Void) -> CompletionRequest {
            var request = CompletionRequest(.text("abc"), maximumTokens: 3)
            change(&request)
            return request
        }
        let fields: [(String, (Int) -> String?)] = [
            (
                "-n",
                { n in n > 0 || n == -1 ? nil : "max-tokens is \(n), expected 1 or more, or -1 to fill the context" }
            ),
            ("--top-k", { n in n == -1 ? nil : request { $0.sampling.topK = n }.problem()?.replacing("_", with: "-") }),
            ("--depth", { n in (0...63).contains(n) ? nil : "depth is \(n), expected 0 to 63" }),
            ("--tree", { n in request { $0.speculation = .tree(tokens: n) }.problem() }),
            ("--threads", { EngineConfiguration(threads: $0).problem() }),
        ]
        for (flag, problem) in fields {
            for number in [0, 1, -1, 63, 64, 257, Int(Int32.max), .max, .min] {
                let more = flag == "-n" ? [] : ["-n", "3"]
                let result = try run(
                    ["abc", "-q", "-m", tiny, flag == "-n" ? "--max-tokens=\(number)" : "\(flag)=\(number)"] + more)
                if let problem = problem(number) {
                    #expect(
                        result.status == 64 && result.log == "speculate: error: --\(problem)\n",
                        "\(flag) \(number): \(result)")
                } else {
                    // A drafter or a context that the tiny model does not have is another mistake.
                    #expect(
                        result.status == 0 || result.log.contains("context") || flag == "--tree",
                        "\(flag) \(number): \(result)")
                }
            }
            let result = try run(
                "abc", "-q", "-m", tiny, "\(flag == "-n" ? "--max-tokens" : flag)=99999999999999999999")
            #expect(result.status == 64 && result.log.contains("99999999999999999999"))
        }
    }

    @Test("a negative number after a space reaches the check of its range")
    func negativeNumbers() throws {
        let cases: [([String], String)] = [
            (["x", "--threads", "-1"], "--threads is -1, expected 1 to 256"),
            (["x", "--context", "-1"], "--context is -1, expected 2 to"),
            (["x", "--seed", "-1"], "'-1' is invalid for '--seed <n>': expected a whole number from 0"),
            (["serve", "--temperature", "-0.5"], "--temperature is -0.5, expected 0 to 1000"),
            (["serve", "--top-k", "-2"], "--top-k is -2, expected 0 or more"),
            (["serve", "--port", "-1"], "--port is -1, expected 0 to 65535"),
            (["serve", "-n", "-5"], "--max-tokens is -5, expected 1 or more, or -1"),
            (["bench", "--temperatures", "0.5", "-1"], "temperature is -1, expected 0 to 1000"),
            (["bench", "--settings", "lookup:99"], "--settings lookup:99: depth is 99, expected 1 to 63"),
            (["bench", "--limit", "-1"], "--limit is -1, expected 0 or more"),
            (["batch", "--prompts", "x", "--output", "y", "-n", "-7"], "--max-tokens is -7, expected 1 or more"),
        ]
        for (arguments, words) in cases {
            let result = try run(arguments)
            #expect(result.status == 64 && result.log.contains(words), "\(arguments): \(result)")
        }
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

    @Test("a batch's states have a row for each token that was read, also when it was interrupted")
    func batchStates() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (prompts, output, states) = (folder + "/prompts", folder + "/output", folder + "/states")
            try Data("{\"prompt\":\"Hi\"}\n{\"prompt\":\"Name a cat.\"}\n".utf8).write(to: URL(filePath: prompts))
            try Data(repeating: 7, count: 1000).write(to: URL(filePath: states))  // Left by a run that was killed.
            let arguments = [
                "batch", "--prompts", prompts, "--output", output, "-n", "9", "--token-ids", "--prompt-ids", "--states",
                states,
            ]
            let result = try run(arguments + ["--states-entering", "1", "30"])
            #expect(result.status == 0, "\(result)")
            let lines = try Data(contentsOf: URL(filePath: output)).split(separator: 10)
                .map { try JSONDecoder().decode(StatesLine.self, from: $0) }.sorted { $0.states < $1.states }
            var row = 1
            for line in lines {
                #expect(line.states == row && line.log_totals.count == line.tokens.count)
                row += line.prompt_ids.count + line.tokens.count - 1
            }
            #expect(lines.count == 2)
            #expect(try Data(contentsOf: URL(filePath: states)).count == row * 2 * 576 * 2)
            #expect(try run(arguments).status == 64)
            #expect(try run(arguments + ["--states-entering", "31"]).log.contains("31"))
            let drafting = try run(arguments + ["--states-entering", "1", "--drafter", "lookup"])
            #expect(drafting.status == 64 && drafting.log.contains("--drafter"))
        }
    }

    private struct StatesLine: Decodable {
        var states: Int
        var tokens: [Int32]
        var prompt_ids: [Int32]
        var log_totals: [Float]
    }

    @Test("a chat remembers its turns until it is reset")
    func chat() throws {
        let input = Array("My name is Ada.\nWhat is my name?\n/reset\n\nHi\n/exit\nunread\n".utf8)
        let result = try run("chat", "-n", "30", "--quiet", input: input)
        #expect(result.status == 0)
        #expect(result.output.contains("Ada"))
        #expect(result.log.isEmpty)
        let answers = try run("chat", "-n", "5", input: Array("Hi\nHello\n".utf8))
        #expect(answers.log.components(separatedBy: "first token after").count == 3)
    }

    @Test("a chat whose context is full forgets its oldest messages, and none for a message that it refuses")
    func fullChat() throws {
        try Fixtures.withTemporaryFolder { folder in
            let lines = (0..<8).map { "Tell me something long about the number \($0), please, as long as you can." }
            let long = String(repeating: "word ", count: 400)
            let (before, after) = (folder + "/before", folder + "/after it")
            let input = lines + ["/save \(before)", long, "/save  '\(after)'", "/load \"\(after)\"", "Hi", "/exit"]
            let typed = Array(input.joined(separator: "\n").utf8)
            let result = try run("chat", "-n", "40", "--context", "256", input: typed)
            #expect(result.status == 0)
            #expect(
                result.log.contains("the context of 256 tokens is full: the oldest 2 messages are forgotten"),
                "\(result.log)")
            #expect(result.log.contains("error: the prompt has"))
            #expect(result.log.components(separatedBy: "first token after").count == 10)
            let saved = try Data(contentsOf: URL(filePath: before))
            #expect(try Data(contentsOf: URL(filePath: after)) == saved)
            let count = String(decoding: saved, as: UTF8.self).components(separatedBy: "\"role\"").count - 1
            #expect(count > 2 && result.log.contains("(loaded \(count) messages from '\(after)')"), "\(result.log)")
        }
    }

    @Test("a chat names the file that cannot be written or read")
    func chatFiles() throws {
        let result = try run("chat", input: Array("/save /nowhere/x\n/load  ~/nowhere/x\n".utf8))
        let home = FileManager.default.homeDirectoryForCurrentUser.path
        #expect(
            result.log == """
                error: /nowhere/x: No such file or directory
                error: \(home)/nowhere/x: No such file or directory

                """)
    }

    @Test("a chat does not speak of flags that cannot be given there")
    func chatReport() throws {
        let result = try run("chat", input: Array("Repeat without end: la la la la la la la la\n".utf8))
        #expect(result.log.contains("ended by ") && !result.log.contains("--") && !result.log.contains("(-n)"))
    }

    @Test("inspect says what a file is")
    func inspect() throws {
        let result = try run("inspect", try Fixtures.modelPath())
        #expect(result.status == 0)
        for words in [
            "134.5 million weights", "llama.block_count", "pre-tokenizer smollm", "chat format: chatml",
            "token_embd.weight", "Q4_1", "temperature 0.2, top-p 0.9",
        ] {
            #expect(result.output.contains(words), "\(words)")
        }
    }
}
