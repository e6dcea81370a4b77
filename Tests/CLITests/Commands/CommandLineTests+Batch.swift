import Foundation
import TestSupport
import Testing

/// Many prompts in one process.
extension CommandLineTests {
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
            #expect(moved.status == 64 && moved.log.contains("its hidden states are in 'states', not in 'states2'"))
            try Data().write(to: URL(filePath: states))
            let emptied = try run(recording)
            #expect(emptied.status == 64 && emptied.log.contains("its hidden states are no longer in 'states'"))
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
}
