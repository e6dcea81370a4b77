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
        state.pointee.arrived.wrappingAdd(1, ordering: .acquiringAndReleasing)
        state.pointee.wait(for: state.pointee.arrived, toReach: barriers * count)
    }

    /// Deals out `0..<total` in multiples of `chunk`. A worker first takes most of its own share at once, since memory is
    /// fastest in long runs, then the rest of it chunk by chunk, then what others have not come to, so that a slow worker
    /// holds nobody up. Where none is slow, each computes what it did in the last pass, and may find it in its cache.
    /// `body` also hears where this worker goes on, if it does. All workers call it with the same numbers, and a barrier
    /// lies between two calls.
    @inline(__always)
    package mutating func forEachChunk(of total: Int, chunk: Int, _ body: (Range<Int>, _ next: Range<Int>?) -> Void) {
        deals += 1
        let (deal, count, state) = (deals, count, state)
        state.pointee.open(deal, index)
        let chunks = (total + chunk - 1) / chunk
        func indices(_ begin: Int, _ end: Int) -> Range<Int>? {
            begin < end ? begin * chunk..<min(end * chunk, total) : nil
        }
        func share(_ worker: Int) -> (begin: Int, rest: Int, end: Int) {
            let (begin, end) = (chunks * worker / count, chunks * (worker + 1) / count)
            return (begin, end - (end - begin) / 4, end)
        }
        var owner = index
        var owned = share(owner)
        func claim() -> Range<Int>? {
            while true {
                if let place = state.pointee.claim(deal, owner, of: owned.end - owned.rest) {
                    return indices(owned.rest + place, owned.rest + place + 1)
                }
                owner = owner + 1 == count ? 0 : owner + 1
                if owner == index { return nil }
                owned = share(owner)
            }
        }
        var current = indices(owned.begin, owned.rest) ?? claim()
        while let mine = current {
            current = claim()
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
