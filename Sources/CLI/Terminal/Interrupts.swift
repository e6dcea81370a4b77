@preconcurrency import Dispatch
import Foundation
import Synchronization

/// Ctrl-C, SIGTERM and SIGHUP. The first one ends the completion in progress after its round, so that statistics are
/// still printed; without one, or a second time, the program ends at once with status 130.
final class Interrupts: Sendable {
    private struct State {
        var stop: (@Sendable () -> Void)?
        var wasInterrupted = false
        var wasTerminated = false
    }

    private let state = Mutex(State())
    private let sources: [(signal: Int32, source: any DispatchSourceSignal)]

    init() {
        sources = [SIGINT, SIGTERM, SIGHUP].compactMap { number in
            let before = signal(number, SIG_IGN)
            // Under nohup the end of the terminal is nothing to end for.
            let isIgnored = unsafeBitCast(before, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
            if number == SIGHUP, isIgnored { return nil }
            return (number, DispatchSource.makeSignalSource(signal: number, queue: .global()))
        }
        for (number, source) in sources {
            source.setEventHandler { [weak self] in self?.interrupt(number) }
            source.resume()
        }
    }

    var wasInterrupted: Bool { state.withLock(\.wasInterrupted) }

    /// Whether the program is to end, and not only what it is doing.
    var wasTerminated: Bool { state.withLock(\.wasTerminated) }

    /// What the next interrupt does; nil ends the program.
    func onInterrupt(_ stop: (@Sendable () -> Void)?) {
        state.withLock { $0.stop = stop }
    }

    private func interrupt(_ number: Int32) {
        let stop = state.withLock { state in
            state.wasInterrupted = true
            if number != SIGINT { state.wasTerminated = true }
            defer { state.stop = nil }
            return state.stop
        }
        guard let stop else { exit(130) }
        stop()
    }
}
