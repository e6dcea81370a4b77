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
