import Foundation
import TestSupport
import Testing

/// What is remembered from one process to the next.
extension CommandLineTests {
    private struct Answer: Decodable {
        struct Statistics: Decodable {
            let rounds: Int
            let accepted: Int
        }
        let text: String
        let statistics: Statistics
    }

    @Test("memorize keeps answers for all: given prompts or its own, one after another, and says what it cannot do")
    func memorize() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (file, prompts) = (folder + "/memory", folder + "/prompts.jsonl")
            func memorize(_ more: String...) throws -> Run {
                try run(["memorize", "--memory", file, "-n", "32"] + more)
            }
            func answer(_ more: String...) throws -> Answer {
                let result = try run(
                    [
                        "--instruct", "Count from one to twenty in words.", "-n", "32", "--json", "--drafter", "lookup",
                        "--depth", "8",
                    ] + more)
                return try JSONDecoder().decode(Answer.self, from: Data(result.output.utf8))
            }
            try #"{"prompt": "Count from one to twenty in words."}"#.write(
                toFile: prompts, atomically: true, encoding: .utf8)
            #expect(try memorize("--prompts", prompts).status == 0)
            let given = try Data(contentsOf: URL(fileURLWithPath: file)).count
            let (without, with) = try (answer(), answer("--memory", file))
            #expect(with.text == without.text && with.statistics.rounds * 2 < without.statistics.rounds)
            #expect(try memorize("--count", "3", "--seed", "5").status == 0)
            #expect(try Data(contentsOf: URL(fileURLWithPath: file)).count > given)
            #expect(try memorize("--count", "0").status == 64)
            #expect(try memorize("--drafter", "none").status == 64)
            #expect(try memorize("--prompts", prompts, "--seed", "1").status == 64)
            #expect(try memorize("--prompts", folder + "/nothing").status == 66)
            try "".write(toFile: prompts, atomically: true, encoding: .utf8)
            let empty = try memorize("--prompts", prompts)
            #expect(empty.status == 64 && empty.log.contains("has no prompts"))
        }
    }

    @Test("with --memory a prompt that comes again takes a fraction of the rounds, and has the same text")
    func memory() throws {
        try Fixtures.withTemporaryFolder { folder in
            let file = folder + "/memory"
            func answer(_ prompt: String, _ more: String...) throws -> Answer {
                let result = try run(
                    [prompt, "-n", "48", "--json", "--drafter", "lookup", "--depth", "8", "--memory", file] + more)
                #expect(result.status == 0, "\(result)")
                return try JSONDecoder().decode(Answer.self, from: Data(result.output.utf8))
            }
            let first = try answer("The old lighthouse keeper said that")
            let again = try answer("The old lighthouse keeper said that")
            #expect(again.text == first.text)
            #expect(again.statistics.rounds * 3 < first.statistics.rounds)
            let sampled = try answer("The old lighthouse keeper said that", "--temperature", "0.7", "--seed", "3")
            let plain = try run(
                "The old lighthouse keeper said that", "-n", "48", "--depth", "0", "--temperature", "0.7", "--seed",
                "3", "--quiet")
            #expect(plain.output.hasPrefix(sampled.text))

            let whole = try Data(contentsOf: URL(filePath: file))
            try whole.dropLast(3).write(to: URL(filePath: file))
            let cut = try run(["Hello", "-n", "4", "--memory", file])
            #expect(cut.status == 65 && cut.log.contains(file) && cut.output.isEmpty, "\(cut)")
            #expect(try Data(contentsOf: URL(filePath: file)) == whole.dropLast(3))
            #expect(try run(["Hello", "-n", "4", "--memory", ""]).status == 64)
            #expect(try run(["Hello", "-n", "4", "--memory", folder + "/none/memory"]).status == 66)
        }
    }
}
