import Foundation
import Speculate
import SpeculateAdaptation
import SpeculateShared

/// How far an adaptation is: a bar on a terminal, nothing elsewhere.
final class AdaptProgress: Sendable {
    private static let period = Duration.milliseconds(100)

    private let isShown: Bool
    private let drawn = Locked<ContinuousClock.Instant?>(nil)

    init(isShown: Bool) { self.isShown = isShown && Terminal.logIsTerminal }

    func show(_ event: AdaptationEvent) {
        guard isShown else { return }
        switch event {
        case .reading(let done, let total):
            draw("reading", total == 0 ? 1 : Double(done) / Double(total), "\(done) of \(total) passages")
        case .training(let step, let share, let start, let now, let best):
            let figures = [start, now, best].map { String(format: "%.2f", $0) }
            draw("learning", share, "step \(step)  τ \(figures[0]), now \(figures[1]), best \(figures[2])")
        }
    }

    /// Removes the bar.
    func finish() {
        drawn.withLock { drawn in
            if drawn != nil { Terminal.log("\r\u{1b}[K", terminator: "") }
            drawn = nil
        }
    }

    private func draw(_ verb: String, _ share: Double, _ figures: String) {
        drawn.withLock { drawn in
            let now = ContinuousClock.now
            if let drawn, now - drawn < Self.period, share < 1 { return }
            drawn = now
            let width = 20
            let filled = min(max(Int(Double(width) * share), 0), width)
            let bar = String(repeating: "█", count: filled) + String(repeating: "·", count: width - filled)
            let line = "\(verb) \(bar) \(figures)".prefix(max(Terminal.size.columns - 1, 0))
            Terminal.log("\r\(line)\u{1b}[K", terminator: "")
        }
    }
}
