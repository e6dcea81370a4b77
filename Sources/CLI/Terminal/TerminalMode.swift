import Foundation
import Synchronization

/// How the terminal takes keys during a chat. However the program ends, the terminal is left as it was found.
enum TerminalMode {
    /// Every key comes as it is typed, and none is shown: the line editor does that.
    case editing
    /// Keys wait for the line that is read next, except that Ctrl-C is a signal.
    case answering

    /// _POSIX_VDISABLE, a macro.
    #if canImport(Darwin)
        private static let disabledKey: UInt8 = 0xff
    #else
        private static let disabledKey: UInt8 = 0
    #endif

    private static let before = Mutex<termios?>(nil)

    /// Returns false where standard input is no terminal.
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
                // The other keys that are signals would leave the terminal in this mode.
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
