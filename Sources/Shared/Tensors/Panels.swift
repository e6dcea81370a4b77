import CKernels

extension spk_matrix {
    /// The number of panels.
    package var panels: Int { (Int(outputs) + Int(SPK_LANES) - 1) / Int(SPK_LANES) }

    package func panel(_ index: Int) -> UnsafePointer<UInt8> { data + index * panel_bytes }

    /// The matrix starting at a panel.
    package func from(panel: Int) -> spk_matrix {
        var rest = self
        rest.data = self.panel(panel)
        return rest
    }

    /// `count` of its rows from `first` on, both multiples of 16, as a matrix.
    package func rows(_ first: Int, _ count: Int) -> spk_matrix {
        var part = from(panel: first / Int(SPK_LANES))
        part.outputs = Int32(count)
        return part
    }

    /// The bit of its type in the `readers` of activations.
    package var reader: UInt64 { 1 << UInt64(type.rawValue) }
}

extension spk_activations {
    /// The rows from `row` on. Either `row` is a multiple of `SPK_ROW_BLOCK`, or it is smaller; then only the first of
    /// them may be used.
    package func from(row: Int) -> spk_activations {
        precondition(row < Int(SPK_ROW_BLOCK) || row.isMultiple(of: Int(SPK_ROW_BLOCK)))
        var rest = self
        let slot = withUnsafePointer(to: self) { spk_slot($0, Int32(row), 0) }
        rest.q += slot * Int(SPK_GROUP)
        rest.scale += slot
        if let sum { rest.sum = sum + slot }
        if let offset { rest.offset = offset + slot }
        if let half_offset { rest.half_offset = half_offset + 2 * slot }
        if let pair_sums { rest.pair_sums = pair_sums + slot }
        if let half_sums { rest.half_sums = half_sums + slot }
        if let rise { rest.rise = rise + slot }
        if let half_rise { rest.half_rise = half_rise + 4 * slot }
        if let values { rest.values = values + row * Int(inputs) }
        return rest
    }
}
