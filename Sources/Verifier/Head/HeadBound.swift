import CKernels
import SpeculateShared
import Synchronization

/// The upper bits of a head's weights, whose product with a row is never below the head's own (`spk_pack_top6`).
final class HeadBound: @unchecked Sendable {
    let matrix: spk_matrix
    private let arena: Arena

    /// Nil for a head without such a bound.
    init?(of head: spk_matrix, pool: WorkerPool) {
        guard head.packing == SPK_PACKED_S8_F16 else { return nil }
        let panels = (Int(head.outputs) + Int(SPK_LANES) - 1) / Int(SPK_LANES)
        let panelBytes = spk_panel_bytes(SPK_PACKED_TOP6_F16, head.inputs)
        arena = Arena(capacity: panels * panelBytes, hugePages: true)
        let packed = arena.allocate(UInt8.self, count: panels * panelBytes)
        let isSound = Atomic(true)
        pool.run { worker in
            let share = worker.share(of: panels)
            let isShareSound = withUnsafePointer(to: head) {
                spk_pack_top6($0, Int32(share.lowerBound), Int32(share.upperBound), packed)
            }
            if !isShareSound { isSound.store(false, ordering: .relaxed) }
        }
        guard isSound.load(ordering: .relaxed) else { return nil }
        matrix = spk_matrix(
            packing: SPK_PACKED_TOP6_F16, outputs: head.outputs, inputs: head.inputs, panel_bytes: panelBytes,
            data: packed)
    }
}
