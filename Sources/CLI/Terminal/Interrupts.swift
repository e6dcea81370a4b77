@preconcurrency import Dispatch
import Foundation
import Synchronization

/// Ctrl-C and SIGTERM. The first one ends the completion in progress after its round, so that statistics are still
/// printed; without one, or a second time, the program ends at once with status 130.
final class Interrupts: Sendable {
    private struct State {
        var stop: (@Sendable () -> Void)?
        var wasInterrupted = false
    }

    private let state = Mutex(State())
    private let sources: [any DispatchSourceSignal]

    init() {
        sources = [SIGINT, SIGTERM].map { signal in
            Foundation.signal(signal, SIG_IGN)
            return DispatchSource.makeSignalSource(signal: signal, queue: .global())
        }
        for source in sources {
            source.setEventHandler { [weak self] in self?.interrupt() }
            source.resume()
        }
    }

    var wasInterrupted: Bool { state.withLock(\.wasInterrupted) }

    /// What the next interrupt does; nil ends the program.
    func onInterrupt(_ stop: (@Sendable () -> Void)?) {
        state.withLock { $0.stop = stop }
    }

    private func interrupt() {
        let stop = state.withLock { state in
            state.wasInterrupted = true
            defer { state.stop = nil }
            return state.stop
        }
        guard let stop else { exit(130) }
        stop()
    }
}
