/// A thread as an executor: an actor that computes for a long time runs here and never blocks Swift's cooperative pool.
package final class SerialThread: SerialExecutor, @unchecked Sendable {
    private struct Queue {
        /// Those that have not begun, the oldest first.
        var jobs: [UnownedJob] = []
        var isStopping = false
    }

    private let queue = Locked(Queue())

    /// - Parameter isBackground: whether other threads that want the processor go first.
    package init(isBackground: Bool = false) {
        NativeThread.start {
            if isBackground { Self.stepBack() }
            while let job = self.next() { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
        }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.withLock { $0.jobs.append(job) }
        queue.wakeAll()
    }

    /// Whether another job is waiting while one runs.
    package var isWaitedFor: Bool { queue.withLock { !$0.jobs.isEmpty } }

    /// Ends the thread once its queue is empty.
    package func stop() {
        queue.withLock { $0.isStopping = true }
        queue.wakeAll()
    }

    private static func stepBack() {
        #if canImport(Glibc)
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)  // This thread only.
        #endif
    }

    /// Waits for the next job; nil once stopped and drained.
    private func next() -> UnownedJob? {
        queue.wait { queue -> UnownedJob?? in
            if !queue.jobs.isEmpty { return .some(queue.jobs.removeFirst()) }
            return queue.isStopping ? .some(nil) : nil
        }
    }
}
