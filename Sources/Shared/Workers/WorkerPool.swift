/// A fixed team of threads that runs one body together. The caller is worker 0; the others spin for a moment after each
/// run, since the next pass usually follows at once, then sleep. None of them is a thread of Swift's cooperative pool,
/// and the caller should not be one either.
package final class WorkerPool: @unchecked Sendable {
    /// About 150 µs: longer than a caller takes between two passes.
    private static let idleSpins = 20_000

    package let count: Int
    private let state: UnsafeMutablePointer<TeamState>
    private let turn = Locked(Solo())

    /// - Parameter count: workers, including the caller; at least 1.
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
    ///
    /// A team whose members keep losing the processor to other programs is slower than a single thread: after a run
    /// that stalled for half its time, the caller works alone for a while, longer each time the team stalls again.
    package func run(_ body: (inout Worker) -> Void) {
        turn.withLock { solo in
            state.pointee.reset()
            guard count > 1, solo.remaining == 0 else {
                solo.remaining = max(solo.remaining - 1, 0)
                var worker = Worker(index: 0, count: 1, state: state)
                return body(&worker)
            }
            let start = ContinuousClock.now
            withoutActuallyEscaping(body) { body in
                state.pointee.body = body
                state.pointee.advance()
                var worker = Worker(index: 0, count: count, state: state)
                body(&worker)
                state.pointee.wait(for: state.pointee.finished, toReach: count - 1)
                state.pointee.body = nil
            }
            let stalled = Double(state.pointee.stalled.load(ordering: .relaxed)) / Double(count - 1)
            solo.next(stalled: stalled > 0.5 * ((ContinuousClock.now - start) / .nanoseconds(1)))
        }
    }

    /// When the caller works without its team.
    private struct Solo {
        /// Runs left to do alone.
        var remaining = 0
        private var length = 4

        mutating func next(stalled: Bool) {
            remaining = stalled ? length : 0
            length = stalled ? min(length * 2, 256) : max(length / 2, 4)
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
            state.pointee.finished.wrappingAdd(1, ordering: .releasing)
        }
        leave(state)
    }

    private static func leave(_ state: UnsafeMutablePointer<TeamState>) {
        guard state.pointee.users.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
        state.deinitialize(count: 1)
        state.deallocate()
    }
}
