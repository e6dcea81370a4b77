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

    /// A barrier: returns once every worker has called it as often as this one.
    @inline(__always)
    package mutating func barrier() {
        guard count > 1 else { return }
        barriers += 1
        state.pointee.arrived.wrappingAdd(1, ordering: .acquiringAndReleasing)
        state.pointee.wait(for: state.pointee.arrived, toReach: barriers * count)
    }

    /// Deals out `0..<total` in multiples of `chunk`. A worker takes most of its own share at once, since memory is
    /// fastest in long runs; then the rest of it chunk by chunk; then chunks that others have not reached, so that a
    /// slow worker holds nobody up. If none is slow, each computes the same part as in the last pass and may find it in
    /// its cache. `body` is also told where this worker continues, if it does. All workers must call it with the same
    /// arguments, and with a barrier between two calls.
    @inline(__always)
    package mutating func forEachChunk(of total: Int, chunk: Int, _ body: (Range<Int>, _ next: Range<Int>?) -> Void) {
        deals += 1
        let (deal, count, state) = (deals, count, state)
        state.pointee.open(deal, index)
        let chunks = (total + chunk - 1) / chunk
        func indices(_ begin: Int, _ end: Int) -> Range<Int>? {
            begin < end ? begin * chunk..<min(end * chunk, total) : nil
        }
        var owner = index
        var owned = Self.share(of: chunks, owner, count)
        func claim() -> Range<Int>? {
            while true {
                let claimed = owned.suffix(owned.count / 4)
                if let place = state.pointee.claim(deal, owner, of: claimed.count) {
                    return indices(claimed.lowerBound + place, claimed.lowerBound + place + 1)
                }
                owner = owner + 1 == count ? 0 : owner + 1
                if owner == index { return nil }
                owned = Self.share(of: chunks, owner, count)
            }
        }
        var current = indices(owned.lowerBound, owned.upperBound - owned.count / 4) ?? claim()
        while let mine = current {
            current = claim()
            body(mine, current)
        }
    }

    /// This worker's share of `0..<total` in units of `unit`: contiguous, in order, as even as possible.
    @inline(__always)
    package func share(of total: Int, unit: Int = 1) -> Range<Int> {
        let units = Self.share(of: (total + unit - 1) / unit, index, count)
        return min(units.lowerBound * unit, total)..<min(units.upperBound * unit, total)
    }

    @inline(__always)
    private static func share(of units: Int, _ index: Int, _ count: Int) -> Range<Int> {
        units * index / count..<units * (index + 1) / count
    }
}
