@preconcurrency import Dispatch
import Foundation
import SpeculateShared

/// Handles Ctrl-C, SIGTERM and SIGHUP. The first one ends the completion in flight after its round, so that statistics
/// are still printed; if none is in flight, or the second time, the program exits at once with status 130.
final class Interrupts: Sendable {
    private struct State {
        var stop: (@Sendable () -> Void)?
        var wasInterrupted = false
        var wasTerminated = false
    }

    /// The process's own, which handles signals from its first use on.
    static let shared = Interrupts()

    private let state = Locked(State())
    private let sources: [(signal: Int32, source: any DispatchSourceSignal)]

    private init() {
        sources = [SIGINT, SIGTERM, SIGHUP].compactMap { number in
            let before = signal(number, SIG_IGN)
            // Under nohup, losing the terminal is no reason to end.
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

    /// Whether the program should end, not just the current completion.
    var wasTerminated: Bool { state.withLock(\.wasTerminated) }

    /// Sets what the next interrupt does; nil exits the program.
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
