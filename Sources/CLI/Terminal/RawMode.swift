import Foundation

/// A terminal that passes on every key as it comes, until `end`.
struct RawMode {
    private let before: termios

    /// nil where standard input is no terminal.
    init?() {
        var mode = termios()
        guard tcgetattr(0, &mode) == 0 else { return nil }
        before = mode
        cfmakeraw(&mode)
        mode.c_oflag = before.c_oflag
        guard tcsetattr(0, TCSADRAIN, &mode) == 0 else { return nil }
    }

    func end() {
        var mode = before
        tcsetattr(0, TCSADRAIN, &mode)
    }
}
