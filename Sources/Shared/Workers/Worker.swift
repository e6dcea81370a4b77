/// One member of a team inside `WorkerPool.run`.
package struct Worker {
    package let index: Int
    package let count: Int
    private let state: UnsafeMutablePointer<TeamState>
    private var barriers = 0

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
        TeamState.wait(for: state.pointee.arrived, toReach: barriers * count)
    }

    /// This worker's share of `0..<total`, in units of `unit`: contiguous, in order, as even as can be.
    @inline(__always)
    package func share(of total: Int, unit: Int = 1) -> Range<Int> {
        let units = (total + unit - 1) / unit
        return min(units * index / count * unit, total)..<min(units * (index + 1) / count * unit, total)
    }
}
