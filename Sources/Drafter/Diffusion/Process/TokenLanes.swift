/// Numbers of all draft tokens for up to eight tokens of a block side by side, so that what is read for a draft token,
/// its neighbours or its embedding, serves them all.
package enum TokenLanes {
    package typealias Lanes = SIMD8<Float>

    /// Calls `body` with eight rows at a time, missing ones 0, and the number of the first; what it leaves in them goes
    /// back to the rows.
    /// - Parameter rows: numbers [draft vocabulary] of each token of a block.
    static func exchange(
        _ rows: [UnsafeMutableBufferPointer<Float>], _ body: (UnsafeMutableBufferPointer<Lanes>, _ first: Int) -> Void
    ) {
        guard let count = rows.first?.count else { return }
        withUnsafeTemporaryAllocation(of: Lanes.self, capacity: count) { lanes in
            for first in stride(from: 0, to: rows.count, by: Lanes.scalarCount) {
                lanes.initialize(repeating: .zero)
                let part = first..<min(first + Lanes.scalarCount, rows.count)
                for row in part { for choice in 0..<count { lanes[choice][row - first] = rows[row][choice] } }
                body(lanes, first)
                for row in part { for choice in 0..<count { rows[row][choice] = lanes[choice][row - first] } }
            }
        }
    }
}
