/// One member of a team inside `WorkerPool.run`.
package struct Worker {
    package let index: Int
    package let count: Int
    private let state: UnsafeMutablePointer<TeamState>
    private var barriers = 0
    private var deals = 0

    init(index: Int, count: Int, state: UnsafeMutablePointer<TeamState>) {
        self.index = index
        self.count = count
        self.state = state
    }

    /// Returns when every worker has called it as often as this one.
    @inline(__always)
    package mutating func barrier() {
        guard count > 1 else { return }
        barriers += 1
        state.pointee.arrived.add(1, ordering: .acquiringAndReleasing)
        if TeamState.wait(for: state.pointee.arrived, toReach: barriers * count) {
            state.pointee.stalls.add(1, ordering: .relaxed)
        }
    }

    /// Deals out `0..<total` in chunks of `chunk`: each worker begins with the chunk of its own index and then takes
    /// whichever is next, so that a slow one holds nobody up. `body` also hears where this worker goes on, if it does.
    /// All workers call it with the same numbers, and a barrier lies between two calls.
    @inline(__always)
    package mutating func forEachChunk(of total: Int, chunk: Int, _ body: (Range<Int>, _ next: Range<Int>?) -> Void) {
        deals += 1
        func range(_ index: Int) -> Range<Int>? {
            index * chunk < total ? index * chunk..<min((index + 1) * chunk, total) : nil
        }
        var current = range(index)
        while let mine = current {
            current = range(state.pointee.claim(deals) + count)
            body(mine, current)
        }
    }

    /// This worker's share of `0..<total`, in units of `unit`: contiguous, in order, as even as can be.
    @inline(__always)
    package func share(of total: Int, unit: Int = 1) -> Range<Int> {
        let units = (total + unit - 1) / unit
        return min(units * index / count * unit, total)..<min(units * (index + 1) / count * unit, total)
    }
}
