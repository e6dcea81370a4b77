import CKernels

extension spk_matrix {
    /// Panels that it is cut into.
    package var panels: Int { (Int(outputs) + Int(SPK_LANES) - 1) / Int(SPK_LANES) }

    package func panel(_ index: Int) -> UnsafePointer<UInt8> { data + index * panel_bytes }

    /// Its type's bit among the readers of activations.
    package var reader: UInt64 { 1 << UInt64(type.rawValue) }
}
