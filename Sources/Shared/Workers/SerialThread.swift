#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Synchronization

/// A thread as an executor: an actor that computes for long runs here and never blocks Swift's cooperative pool.
package final class SerialThread: SerialExecutor, @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Those that have not begun, the oldest first.
    private var jobs: [UnownedJob] = []
    private var isStopping = false

    /// - Parameter isBackground: whether others that want the processor go first.
    package init(isBackground: Bool = false) {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(wake, nil)
        NativeThread.start {
            if isBackground { Self.stepBack() }
            self.serve()
        }
    }

    deinit {
        pthread_cond_destroy(wake)
        pthread_mutex_destroy(mutex)
        wake.deallocate()
        mutex.deallocate()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pthread_mutex_lock(mutex)
        jobs.append(job)
        pthread_cond_signal(wake)
        pthread_mutex_unlock(mutex)
    }

    /// Whether a job waits for the one that runs.
    package var isWaitedFor: Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return !jobs.isEmpty
    }

    /// Ends the thread once its queue is empty.
    package func stop() {
        pthread_mutex_lock(mutex)
        isStopping = true
        pthread_cond_signal(wake)
        pthread_mutex_unlock(mutex)
    }

    private static func stepBack() {
        #if canImport(Glibc)
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)  // Of this thread alone.
        #endif
    }

    private func serve() {
        while let job = next() { job.runSynchronously(on: asUnownedSerialExecutor()) }
    }

    /// Waits for a job; nil when there will be none.
    private func next() -> UnownedJob? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while jobs.isEmpty, !isStopping { pthread_cond_wait(wake, mutex) }
        return jobs.isEmpty ? nil : jobs.removeFirst()
    }
}
