import Foundation

/// A batch's progress: a bar on a terminal, otherwise one line at the end.
struct BatchProgress {
    private let total: Int
    private let before: Int
    private let isShown: Bool
    private let start = ContinuousClock.now
    private var done: Int
    private var tokens = 0

    init(total: Int, done: Int, isShown: Bool) {
        self.total = total
        self.done = done
        before = done
        self.isShown = isShown
        draw()
    }

    mutating func advance(by tokens: Int) {
        done += 1
        self.tokens += tokens
        draw()
    }

    func finish() {
        guard isShown else { return }
        let summary = "\(done) of \(total) done, \(done - before) now: \(tokens) tokens, \(speed) tokens/s"
        Terminal.log((Terminal.logIsTerminal ? "\r\u{1b}[K" : "") + summary)
    }

    private var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }
    private var speed: String { String(format: "%.0f", Double(tokens) / max(seconds, 1e-9)) }

    private func draw() {
        guard isShown, Terminal.logIsTerminal else { return }
        let width = 30
        let filled = total == 0 ? width : width * done / total
        let bar = String(repeating: "█", count: filled) + String(repeating: "·", count: width - filled)
        let new = done - before
        let left = new == 0 ? "–" : clock(seconds / Double(new) * Double(total - done))
        Terminal.log("\r\(bar) \(done)/\(total)  \(speed) tokens/s  \(left) left\u{1b}[K", terminator: "")
    }

    private func clock(_ seconds: Double) -> String {
        let seconds = Int(seconds)
        return seconds < 3600
            ? String(format: "%d:%02d", seconds / 60, seconds % 60)
            : String(format: "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}
