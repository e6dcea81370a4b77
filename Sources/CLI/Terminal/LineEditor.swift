import Foundation

/// Reads lines typed at a terminal, with arrow keys, history, multiple lines and pastes. Without a terminal, reads
/// plain lines.
final class LineEditor {
    enum Input: Equatable {
        case line(String)
        case interrupted, ended
    }

    private let prompt: String
    private var history: [String] = []
    private var decoder = KeyDecoder()
    /// Rows shown above the cursor's.
    private var rowsAbove = 0

    init(prompt: String) { self.prompt = prompt }

    private static var isInteractive: Bool { Terminal.inputIsTerminal && Terminal.logIsTerminal }

    /// Anything typed from here on belongs to the first line that is read.
    func begin() { if Self.isInteractive { TerminalMode.answering.begin() } }

    func read() -> Input {
        guard Self.isInteractive, TerminalMode.editing.begin() else { return readLine().map(Input.line) ?? .ended }
        defer {
            Terminal.log("\r\n", terminator: "")
            TerminalMode.answering.begin()
        }
        var buffer = LineBuffer(history: history)
        rowsAbove = 0
        show(buffer)
        while let key = nextKey() {
            switch buffer.apply(key) {
            case .editing: show(buffer)
            case .clearScreen:
                Terminal.log("\u{1b}[H\u{1b}[2J", terminator: "")
                rowsAbove = 0
                show(buffer)
            case .submitted(let text):
                buffer.moveToEnd()
                show(buffer)
                if !text.isEmpty, history.last != text { history.append(text) }
                return .line(text)
            case .interrupted: return .interrupted
            case .ended: return .ended
            }
        }
        return .ended
    }

    private func nextKey() -> Key? {
        var byte: UInt8 = 0
        while true {
            let count = Foundation.read(0, &byte, 1)
            if count == 1 {
                if let key = decoder.decode(byte) { return key }
            } else if count == 0 || errno != EINTR {
                return nil
            }
        }
    }

    /// Redraws the buffer. If it has more rows than the terminal, shows those around the cursor.
    private func show(_ buffer: LineBuffer) {
        let (columns, height) = Terminal.size
        let picture = buffer.picture(prompt: prompt, columns: columns)
        let first = max(0, min(picture.cursorRow - height / 2, picture.rows.count - height))
        let rows = picture.rows[first..<min(first + height, picture.rows.count)]
        let cursorRow = picture.cursorRow - first
        func move(_ count: Int, _ direction: Character) -> String { count > 0 ? "\u{1b}[\(count)\(direction)" : "" }
        Terminal.log(
            move(rowsAbove, "A") + "\r\u{1b}[J" + rows.joined(separator: "\r\n")
                + move(rows.count - 1 - cursorRow, "A") + "\r" + move(picture.cursorColumn, "C"), terminator: "")
        rowsAbove = cursorRow
    }
}
