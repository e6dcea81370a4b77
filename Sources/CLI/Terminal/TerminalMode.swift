import Foundation
import SpeculateShared

/// The terminal's input mode during a chat. However the program ends, the terminal's original mode is restored.
enum TerminalMode {
    /// Keys arrive one by one without echo: the line editor shows them.
    case editing
    /// Keys wait for the next line to be read, except that Ctrl-C is a signal.
    case answering

    /// _POSIX_VDISABLE, a macro.
    #if canImport(Darwin)
        private static let disabledKey: UInt8 = 0xff
    #else
        private static let disabledKey: UInt8 = 0
    #endif

    private static let before = Locked<termios?>(nil)

    /// Sets the mode; returns false if standard input is not a terminal.
    @discardableResult
    func begin() -> Bool {
        Self.before.withLock { before in
            if before == nil {
                var found = termios()
                guard tcgetattr(0, &found) == 0 else { return false }
                before = found
                atexit { TerminalMode.end() }
                Terminal.log("\u{1b}[?2004h", terminator: "")  // Pastes come in brackets.
            }
            var mode = before!
            let output = mode.c_oflag
            cfmakeraw(&mode)
            mode.c_oflag = output
            if self == .answering {
                mode.c_lflag |= tcflag_t(ISIG | NOFLSH)
                // Other signal keys would leave the terminal in this mode.
                withUnsafeMutableBytes(of: &mode.c_cc) { keys in
                    for key in [VQUIT, VSUSP] { keys[Int(key)] = Self.disabledKey }
                }
            }
            return tcsetattr(0, TCSANOW, &mode) == 0
        }
    }

    private static func end() {
        before.withLock { before in
            guard var mode = before else { return }
            Terminal.log("\u{1b}[?2004l", terminator: "")
            tcsetattr(0, TCSANOW, &mode)
        }
    }
}
