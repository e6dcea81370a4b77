import CKernels
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What the threads of a worker pool share, at one fixed address, so that a barrier touches no reference count.
struct TeamState: ~Copyable {
    /// Raised once per run; workers wait for it to change.
    let generation = Atomic<Int>(0)
    private let padding1 = CacheLine()
    /// Arrivals at barriers since the run began.
    let arrived = Atomic<Int>(0)
    private let padding2 = CacheLine()
    /// [deals, workers, a cache line]: chunks claimed of each worker's share in the present deal and those around it. Each
    /// is zeroed two deals before its next use.
    private let claims: UnsafeMutablePointer<Atomic<Int>>
    private let workers: Int
    private static let deals = 4
    private static let line = MemoryLayout<CacheLine>.size / MemoryLayout<Int>.size
    /// Workers that have left the body of this run.
    let finished = Atomic<Int>(0)
    let parked = Atomic<Int>(0)
    /// Nanoseconds of this run that workers waited beyond their spinning: another program had the processor.
    let stalled = Atomic<Int>(0)
    let isStopping = Atomic<Bool>(false)
    /// Threads that still use this memory; the last one frees it.
    let users: Atomic<Int>
    var body: ((inout Worker) -> Void)?
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    private struct CacheLine {
        var bytes: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
    }

    init(users: Int) {
        self.users = Atomic(users)
        workers = users
        let count = Self.deals * users * Self.line
        claims = .allocate(capacity: count)
        for place in 0..<count { (claims + place).initialize(to: Atomic(0)) }
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(wake, nil)
    }

    deinit {
        pthread_cond_destroy(wake)
        pthread_mutex_destroy(mutex)
        wake.deallocate()
        mutex.deallocate()
        claims.deinitialize(count: Self.deals * workers * Self.line)
        claims.deallocate()
    }

    /// Waits until the generation is no longer `seen`: spins first, then sleeps.
    func waitForChange(from seen: Int, spins: Int) {
        for _ in 0..<spins {
            if generation.load(ordering: .acquiring) != seen { return }
            spk_pause()
        }
        pthread_mutex_lock(mutex)
        parked.wrappingAdd(1, ordering: .sequentiallyConsistent)
        while generation.load(ordering: .sequentiallyConsistent) == seen { pthread_cond_wait(wake, mutex) }
        parked.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(mutex)
    }

    /// Begins the next generation and wakes whoever sleeps.
    func advance() {
        generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
        guard parked.load(ordering: .sequentiallyConsistent) > 0 else { return }
        pthread_mutex_lock(mutex)
        pthread_cond_broadcast(wake)
        pthread_mutex_unlock(mutex)
    }

    /// Before a worker's first claim in the `deal`-th deal of this run.
    @inline(__always)
    func open(_ deal: Int, _ worker: Int) { claims[place(deal + 2, worker)].store(0, ordering: .relaxed) }

    /// The next of `count` chunks in a worker's share that nobody has yet.
    @inline(__always)
    func claim(_ deal: Int, _ worker: Int, of count: Int) -> Int? {
        let place = place(deal, worker)
        guard claims[place].load(ordering: .relaxed) < count else { return nil }
        let chunk = claims[place].wrappingAdd(1, ordering: .relaxed).oldValue
        return chunk < count ? chunk : nil
    }

    @inline(__always)
    private func place(_ deal: Int, _ worker: Int) -> Int {
        (deal % Self.deals * workers + worker) * Self.line
    }

    /// At the start of a run, when no worker is in it.
    func reset() {
        arrived.store(0, ordering: .relaxed)
        finished.store(0, ordering: .relaxed)
        stalled.store(0, ordering: .relaxed)
        for deal in 0..<Self.deals {
            for worker in 0..<workers { claims[place(deal, worker)].store(0, ordering: .relaxed) }
        }
    }

    /// Spins until the counter reaches `target`; on a busy machine gives the processor to whoever is being waited for.
    @inline(__always)
    func wait(for counter: borrowing Atomic<Int>, toReach target: Int) {
        for _ in 0..<3_000 {
            if counter.load(ordering: .acquiring) >= target { return }
            spk_pause()
        }
        let start = ContinuousClock.now
        while counter.load(ordering: .acquiring) < target { sched_yield() }
        stalled.wrappingAdd(Int((ContinuousClock.now - start) / .nanoseconds(1)), ordering: .relaxed)
    }
}
