import ArgumentParser
import Foundation

/// A prompt from the command line or from standard input.
enum PromptInput {
    /// - Throws: `ValidationError` when there is neither.
    static func bytes(_ argument: String?) throws -> [UInt8] {
        if let argument { return Array(argument.utf8) }
        guard !Terminal.inputIsTerminal else {
            throw ValidationError("a prompt is needed, as an argument or on standard input")
        }
        var bytes = [UInt8](try FileHandle.standardInput.readToEnd() ?? Data())
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        return bytes
    }
}
