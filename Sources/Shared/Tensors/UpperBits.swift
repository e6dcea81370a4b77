import CKernels
import Synchronization

/// The upper bits of a matrix, whose product with a row is an upper bound of the whole matrix's: 6 of the 8 bits of
/// Q8_0, 5 of the 6 of Q6_K.
package final class UpperBits: @unchecked Sendable {
    package let matrix: spk_matrix
    /// Nil if the matrix itself stores the lower bits separately.
    private let arena: Arena?

    /// Nil for a matrix without such a bound.
    package init?(of whole: spk_matrix, pool: WorkerPool) throws(OutOfMemory) {
        guard [SPK_Q8_0, SPK_Q6_K].contains(whole.type), Self.isBound(whole, pool) else { return nil }
        var matrix = whole
        guard whole.type == SPK_Q8_0 else {
            matrix.type = SPK_TOP5
            (self.matrix, arena) = (matrix, nil)
            return
        }
        matrix.type = SPK_TOP6
        matrix.panel_bytes = spk_panel_bytes(SPK_TOP6, whole.inputs)
        let bytes = whole.panels * matrix.panel_bytes
        try SystemMemory.check(needs: bytes)
        let arena = try Arena(capacity: bytes, hugePages: true)
        let packed = arena.allocate(UInt8.self, count: bytes)
        pool.run { worker in
            let share = worker.share(of: whole.panels)
            withUnsafePointer(to: whole) {
                spk_pack_top6($0, Int32(share.lowerBound), Int32(share.upperBound), packed)
            }
        }
        matrix.data = UnsafePointer(packed)
        (self.matrix, self.arena) = (matrix, arena)
    }

    private static func isBound(_ whole: spk_matrix, _ pool: WorkerPool) -> Bool {
        let isBound = Atomic(true)
        pool.run { worker in
            let share = worker.share(of: whole.panels)
            let isShareBound = withUnsafePointer(to: whole) {
                spk_upper_bits_bound($0, Int32(share.lowerBound), Int32(share.upperBound))
            }
            if !isShareBound { isBound.store(false, ordering: .relaxed) }
        }
        return isBound.load(ordering: .relaxed)
    }
}
