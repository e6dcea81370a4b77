import ArgumentParser
import Foundation

/// A prompt from the command line or from standard input.
struct PromptArgument: ParsableArguments {
    @Argument(help: "The prompt. Default: standard input, less one newline at its end.")
    var prompt: String?

    /// Further words of an unquoted prompt.
    @Argument(help: .hidden)
    var rest: [String] = []

    func validate() throws { try Self.checkQuotes(prompt, rest) }

    static func checkQuotes(_ prompt: String?, _ rest: [String]) throws {
        guard let prompt, !rest.isEmpty else { return }
        throw ValidationError(
            "the prompt has \(rest.count + 1) arguments, expected 1: put it in quotes, \"\(prompt) \(rest[0])\(rest.count > 1 ? " …" : "")\""
        )
    }

    /// - Throws: `ValidationError` if there is no prompt.
    func bytes() throws -> [UInt8] {
        if let prompt { return Array(prompt.utf8) }
        guard !Terminal.inputIsTerminal else {
            throw ValidationError("a prompt is needed, as an argument or on standard input")
        }
        var bytes = [UInt8](try FileHandle.standardInput.readToEnd() ?? Data())
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        return bytes
    }
}
