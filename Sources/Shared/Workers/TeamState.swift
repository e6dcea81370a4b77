import CKernels
import Synchronization

/// The shared state of a worker pool's threads, at a fixed address, so that a barrier touches no reference count.
struct TeamState: ~Copyable {
    /// Incremented once per run; workers wait for it to change.
    let generation = Atomic<Int>(0)
    private let padding1 = CacheLine()
    /// Arrivals at barriers since the run began.
    let arrived = Atomic<Int>(0)
    private let padding2 = CacheLine()
    /// [deals, workers, a cache line]: chunks claimed from each worker's share, in the current deal and the
    /// neighbouring ones. Each is zeroed two deals before its next use.
    private let claims: UnsafeMutablePointer<Atomic<Int>>
    private let workers: Int
    private static let deals = 4
    private static let line = MemoryLayout<CacheLine>.size / MemoryLayout<Int>.size
    /// Workers that have left this run's body.
    let finished = Atomic<Int>(0)
    let parked = Atomic<Int>(0)
    /// Nanoseconds of this run that workers waited after spinning: another program had the processor.
    let stalled = Atomic<Int>(0)
    let isStopping = Atomic<Bool>(false)
    /// Threads that still use this memory; the last one frees it.
    let users: Atomic<Int>
    var body: ((inout Worker) -> Void)?
    /// Where workers sleep between runs.
    private let sleep = Locked(())

    private struct CacheLine {
        var bytes: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
    }

    init(users: Int) {
        self.users = Atomic(users)
        workers = users
        let count = Self.deals * users * Self.line
        claims = .allocate(capacity: count)
        for place in 0..<count { (claims + place).initialize(to: Atomic(0)) }
    }

    deinit {
        claims.deinitialize(count: Self.deals * workers * Self.line)
        claims.deallocate()
    }

    /// Waits until the generation differs from `seen`: spins first, then sleeps.
    func waitForChange(from seen: Int, spins: Int) {
        for _ in 0..<spins {
            if generation.load(ordering: .acquiring) != seen { return }
            spk_pause()
        }
        // Counted before it looks: who advances either sees the count or is seen.
        parked.wrappingAdd(1, ordering: .sequentiallyConsistent)
        sleep.wait { _ in generation.load(ordering: .sequentiallyConsistent) == seen ? nil : () }
        parked.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    }

    /// Starts the next generation and wakes all sleepers.
    func advance() {
        generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if parked.load(ordering: .sequentiallyConsistent) > 0 { sleep.wakeAll() }
    }

    /// Must precede a worker's first claim in the `deal`-th deal of this run.
    @inline(__always)
    func open(_ deal: Int, _ worker: Int) { claims[place(deal + 2, worker)].store(0, ordering: .relaxed) }

    /// Claims the next of `count` chunks in a worker's share; nil if all are taken.
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

    /// Called at the start of a run, when no worker is in it.
    func reset() {
        arrived.store(0, ordering: .relaxed)
        finished.store(0, ordering: .relaxed)
        stalled.store(0, ordering: .relaxed)
        for deal in 0..<Self.deals {
            for worker in 0..<workers { claims[place(deal, worker)].store(0, ordering: .relaxed) }
        }
    }

    /// Spins until the counter reaches `target`; on a busy machine yields to the threads it waits for.
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
