import Foundation
import Speculate

/// Text goes to standard output, everything else to standard error.
enum Terminal {
    static var inputIsTerminal: Bool { isatty(0) == 1 }
    static var outputIsTerminal: Bool { isatty(1) == 1 }
    static var logIsTerminal: Bool { isatty(2) == 1 }

    /// Columns and rows; the usual ones if unknown.
    static var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 10, size.ws_row > 1 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Columns of the terminal on standard error; nil if it is not one.
    static var logColumns: Int? { logIsTerminal ? size.columns : nil }

    /// Whether standard output and standard error end up in one place, such as a pipe after `2>&1`.
    static var logFollowsOutput: Bool {
        var (output, log) = (stat(), stat())
        return fstat(1, &output) == 0 && fstat(2, &log) == 0 && output.st_dev == log.st_dev
            && output.st_ino == log.st_ino
    }

    static func print(_ text: String, terminator: String = "\n") { write(text + terminator, to: 1) }

    static func log(_ text: String, terminator: String = "\n") { write(text + terminator, to: 2) }

    /// Prints a completion as it arrives.
    static func show(_ stream: CompletionStream, coloured: Bool) async throws -> CompletionResult {
        var result: CompletionResult?
        for try await delta in stream {
            let texts = delta.pieces.map { coloured && $0.isDrafted ? "\u{1b}[32m\($0.text)\u{1b}[0m" : $0.text }
            print(texts.joined(), terminator: "")
            result = delta.result
        }
        return result!
    }

    /// Writes straight to the descriptor, without buffering. If standard output cannot take the text, the program exits
    /// with status 1 (a closed pipe ends it by SIGPIPE, as with other filters).
    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                bytes = bytes.dropFirst(count)
            } else if errno != EINTR && errno != EAGAIN {
                if descriptor == 1 {
                    log("speculate: error: standard output: \(String(cString: strerror(errno)))")
                    exit(1)
                }
                return
            }
        }
    }
}
