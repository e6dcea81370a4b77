import Synchronization

/// A fixed team of threads that runs one body together. The caller is worker 0; the others spin for a moment after
/// each run, since the next pass usually follows at once, and then sleep. None of them is a thread of Swift's
/// cooperative pool, and the caller should not be one either.
package final class WorkerPool: @unchecked Sendable {
    /// About 100 µs.
    private static let idleSpins = 3_000

    package let count: Int
    private let state: UnsafeMutablePointer<TeamState>
    private let turn = Mutex<Void>(())

    /// - Parameter count: workers, the caller included; at least 1.
    package init(count: Int) {
        let count = max(count, 1)
        self.count = count
        state = .allocate(capacity: 1)
        state.initialize(to: TeamState(users: count))
        nonisolated(unsafe) let state = state
        for index in 1..<max(count, 2) where index < count {
            NativeThread.start { Self.serve(state, index, count) }
        }
    }

    deinit {
        state.pointee.isStopping.store(true, ordering: .releasing)
        state.pointee.advance()
        Self.leave(state)
    }

    /// Runs `body` once on every worker and returns when all have returned. Runs from several threads take turns.
    package func run(_ body: (inout Worker) -> Void) {
        turn.withLock { _ in
            withoutActuallyEscaping(body) { body in
                state.pointee.reset()
                if count > 1 {
                    state.pointee.body = body
                    state.pointee.advance()
                }
                var worker = Worker(index: 0, count: count, state: state)
                body(&worker)
                if count > 1 {
                    TeamState.wait(for: state.pointee.finished, toReach: count - 1)
                    state.pointee.body = nil
                }
            }
        }
    }

    private static func serve(_ state: UnsafeMutablePointer<TeamState>, _ index: Int, _ count: Int) {
        var seen = 0
        while true {
            state.pointee.waitForChange(from: seen, spins: idleSpins)
            seen += 1
            if state.pointee.isStopping.load(ordering: .acquiring) { break }
            var worker = Worker(index: index, count: count, state: state)
            state.pointee.body!(&worker)
            state.pointee.finished.add(1, ordering: .releasing)
        }
        leave(state)
    }

    private static func leave(_ state: UnsafeMutablePointer<TeamState>) {
        guard state.pointee.users.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// As many workers as there are physical cores that this process may use.
    package static var defaultCount: Int { Processor.physicalCores }
}
