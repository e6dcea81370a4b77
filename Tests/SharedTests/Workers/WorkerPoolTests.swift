import SpeculateShared
import Synchronization
import Testing

@Suite struct WorkerPoolTests {
    @Test("shares cover every index once, whatever the workers and the unit", arguments: [1, 2, 3, 5])
    func shares(count: Int) {
        let pool = WorkerPool(count: count)
        for (total, unit) in [(0, 1), (1, 1), (7, 1), (100, 1), (96, 32), (100, 32), (1, 32)] {
            let hits = Mutex([Int](repeating: 0, count: total))
            pool.run { worker in
                let share = worker.share(of: total, unit: unit)
                #expect(share.lowerBound % unit == 0 || share.isEmpty)
                hits.withLock { hits in for index in share { hits[index] += 1 } }
            }
            #expect(hits.withLock { $0 } == [Int](repeating: 1, count: total))
        }
    }

    @Test("chunks cover every index once, each with what its worker takes next", arguments: [1, 2, 3])
    func chunks(count: Int) {
        let pool = WorkerPool(count: count)
        for total in [0, 1, 5, 64, 100] {
            let hits = Mutex([Int](repeating: 0, count: total))
            pool.run { worker in
                for _ in 0..<6 {
                    var expected: Range<Int>?
                    worker.forEachChunk(of: total, chunk: 7) { range, next in
                        #expect(expected == nil || expected == range)
                        expected = next
                        hits.withLock { hits in for index in range { hits[index] += 1 } }
                    }
                    #expect(expected == nil)
                    worker.barrier()
                }
            }
            #expect(hits.withLock { $0 } == [Int](repeating: 6, count: total))
        }
    }

    @Test("a barrier lets nobody ahead, run after run", arguments: [1, 2, 4])
    func barrier(count: Int) {
        let pool = WorkerPool(count: count)
        let progress = UnsafeMutablePointer<Int>.allocate(capacity: count)
        defer { progress.deallocate() }
        nonisolated(unsafe) let steps = progress
        let wrong = Atomic<Int>(0)
        for _ in 0..<200 {
            for index in 0..<count { steps[index] = 0 }
            pool.run { worker in
                for step in 1...20 {
                    steps[worker.index] = step
                    worker.barrier()
                    for other in 0..<worker.count where steps[other] != step { wrong.add(1, ordering: .relaxed) }
                    worker.barrier()
                }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
    }

    private final class Counters: Sendable {
        let inside = Atomic<Int>(0)
        let overlaps = Atomic<Int>(0)
        let runs = Atomic<Int>(0)
    }

    @Test("runs from several threads take turns")
    func turns() async {
        let pool = WorkerPool(count: 2)
        let counters = Counters()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        NativeThread.start {
                            for _ in 0..<50 {
                                pool.run { worker in
                                    if counters.inside.add(1, ordering: .relaxed).newValue > 2 {
                                        counters.overlaps.add(1, ordering: .relaxed)
                                    }
                                    if worker.index == 0 { counters.runs.add(1, ordering: .relaxed) }
                                    counters.inside.subtract(1, ordering: .relaxed)
                                }
                            }
                            continuation.resume()
                        }
                    }
                }
            }
        }
        #expect(counters.runs.load(ordering: .relaxed) == 150)
        #expect(counters.overlaps.load(ordering: .relaxed) == 0)
    }
}
