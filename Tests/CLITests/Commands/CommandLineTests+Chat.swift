import Foundation
import TestSupport
import Testing

/// Conversations without a terminal.
extension CommandLineTests {
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
}
