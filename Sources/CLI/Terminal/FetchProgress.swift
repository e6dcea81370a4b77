import Foundation
import SpeculateHub
import SpeculateShared

/// What is told while a model is fetched or made: a bar on a terminal, otherwise a line for every tenth.
final class FetchProgress: Sendable {
    private static let period = Duration.milliseconds(100)

    private struct State {
        var file = ""
        var begin = ContinuousClock.now
        var beginDone = 0
        var drawn: ContinuousClock.Instant?
        var tenth = -1
        var isBarShown = false
    }

    private let state = Locked(State())
    private let isShown: Bool
    private let verb: String

    /// - Parameter verb: what is done to a file.
    init(isShown: Bool = true, verb: String = "fetching") {
        self.isShown = isShown
        self.verb = verb
    }

    func show(_ event: FetchEvent) {
        guard isShown else { return }
        switch event {
        case .waiting(let file): line("another process is fetching \(file), waiting for it")
        case .checking(let file): line("reading what is here of \(file)")
        case .advanced(let file, let done, let total): advance(file, done, total)
        case .retrying(let reason, let pause):
            line("\(reason); trying again in \(String(format: "%.1f", pause / .seconds(1))) s")
        case .fetched(let file, let size): line("\(file) is here, \(size.bytesForPeople)")
        case .unchanged(let file): line("\(file) was here already")
        }
    }

    /// Ends the bar, so that what follows begins a line.
    func finish() {
        state.withLock { state in
            if state.isBarShown { Terminal.log("") }
            state.isBarShown = false
        }
    }

    private func line(_ text: String) {
        state.withLock { state in
            Terminal.log((state.isBarShown ? "\r\u{1b}[K" : "") + text)
            state.isBarShown = false
            state.drawn = nil
        }
    }

    private func advance(_ file: String, _ done: Int, _ total: Int) {
        state.withLock { state in
            let now = ContinuousClock.now
            if state.file != file {
                state = State(file: file, begin: now, beginDone: done)
                if !Terminal.logIsTerminal {
                    Terminal.log(
                        "\(verb) \(file), \(total.bytesForPeople)\(done > 0 ? ", from \(done.bytesForPeople) on" : "")"
                    )
                    state.tenth = Self.tenth(done, total)
                }
            }
            guard Terminal.logIsTerminal else {
                let tenth = Self.tenth(done, total)
                if tenth > state.tenth, tenth < 10 { Terminal.log("\(file): \(tenth * 10) %") }
                state.tenth = max(tenth, state.tenth)
                return
            }
            if let drawn = state.drawn, now - drawn < Self.period, done < total { return }
            state.drawn = now
            state.isBarShown = true
            Terminal.log("\r\(Self.bar(state, done, total, now))\u{1b}[K", terminator: "")
        }
    }

    private static func tenth(_ done: Int, _ total: Int) -> Int {
        total == 0 ? 10 : Int(10 * Double(done) / Double(total))
    }

    /// As wide as the terminal at most.
    private static func bar(_ state: State, _ done: Int, _ total: Int, _ now: ContinuousClock.Instant) -> String {
        let width = 20
        let filled = total == 0 ? width : Int(Double(width) * Double(done) / Double(total))
        let bar = String(repeating: "█", count: filled) + String(repeating: "·", count: width - filled)
        let speed = Double(done - state.beginDone) / max((now - state.begin) / .seconds(1), 1e-3)
        let left = speed > 0 ? " \(clock(Double(total - done) / speed)) left" : ""
        let figures = " \(done.bytesForPeople) of \(total.bytesForPeople)  \(Int(speed).bytesForPeople)/s \(left)"
        let columns = max(Terminal.size.columns - width - figures.count - 2, 0)
        return String(state.file.suffix(columns)) + " " + bar + figures
    }

    private static func clock(_ seconds: Double) -> String {
        let seconds = Int(min(seconds, 359_999))
        return seconds < 3600
            ? String(format: "%d:%02d", seconds / 60, seconds % 60)
            : String(format: "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}
