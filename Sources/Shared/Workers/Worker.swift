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
        state.pointee.wait(for: state.pointee.arrived, toReach: barriers * count)
    }

    /// Deals out `0..<total` in multiples of `chunk`. Each worker begins with a large range of its own, since memory is
    /// fastest in long runs; the rest goes chunk by chunk to whoever is free, so that a slow worker holds nobody up.
    /// `body` also hears where this worker goes on, if it does. All workers call it with the same numbers, and a barrier
    /// lies between two calls.
    @inline(__always)
    package mutating func forEachChunk(of total: Int, chunk: Int, _ body: (Range<Int>, _ next: Range<Int>?) -> Void) {
        deals += 1
        let own = max(total * 3 / 4 / count / chunk, 1) * chunk
        func range(_ start: Int, _ length: Int) -> Range<Int>? {
            start < total ? start..<min(start + length, total) : nil
        }
        var current = range(index * own, own)
        while let mine = current {
            current = range(count * own + state.pointee.claim(deals) * chunk, chunk)
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
