import CKernels
import SpeculateShared

/// The upper bits of a packed matrix.
struct UpperBits {
    let matrix: spk_matrix
    private let arena: Arena

    /// Nil where they bound nothing.
    init?(of whole: spk_matrix) {
        let panels = (whole.outputs + 15) / 16
        let panelBytes = spk_panel_bytes(SPK_PACKED_TOP6_F16, whole.inputs)
        arena = Arena(capacity: Int(panels) * panelBytes)
        let packed = arena.allocate(UInt8.self, count: Int(panels) * panelBytes)
        guard withUnsafePointer(to: whole, { spk_pack_top6($0, 0, panels, packed) }) else { return nil }
        matrix = spk_matrix(
            packing: SPK_PACKED_TOP6_F16, outputs: whole.outputs, inputs: whole.inputs, panel_bytes: panelBytes,
            data: packed)
    }
}
