import CKernels
import Synchronization

/// The upper bits of a matrix, whose product with a row is never below the whole matrix's (`spk_pack_top6`).
package final class UpperBits: @unchecked Sendable {
    package let matrix: spk_matrix
    private let arena: Arena

    /// Nil for a matrix without such a bound.
    package init?(of whole: spk_matrix, pool: WorkerPool) throws(OutOfMemory) {
        guard whole.type == SPK_Q8_0 else { return nil }
        let panels = whole.panels
        let panelBytes = spk_panel_bytes(SPK_TOP6, whole.inputs)
        try SystemMemory.check(needs: panels * panelBytes)
        arena = try Arena(capacity: panels * panelBytes, hugePages: true)
        let packed = arena.allocate(UInt8.self, count: panels * panelBytes)
        let isSound = Atomic(true)
        pool.run { worker in
            let share = worker.share(of: panels)
            let isShareSound = withUnsafePointer(to: whole) {
                spk_pack_top6($0, Int32(share.lowerBound), Int32(share.upperBound), packed)
            }
            if !isShareSound { isSound.store(false, ordering: .relaxed) }
        }
        guard isSound.load(ordering: .relaxed) else { return nil }
        matrix = spk_matrix(
            type: SPK_TOP6, outputs: whole.outputs, inputs: whole.inputs, panel_bytes: panelBytes,
            data: packed)
    }
}
