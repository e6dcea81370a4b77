/// Hidden states of the rows of one pass: the residual stream after each tapped layer, [rows, taps, hidden]. Valid until
/// the model's next pass.
public struct HiddenStates {
    package let base: UnsafePointer<Float>
    /// Rows of the pass.
    public let rowCount: Int
    /// Floats per row: taps · hidden, none without taps.
    public let width: Int

    package init(_ base: UnsafePointer<Float>, rowCount: Int, width: Int) {
        self.base = base
        self.rowCount = rowCount
        self.width = width
    }

    /// [taps, hidden] of one row.
    public subscript(row: Int) -> UnsafeBufferPointer<Float> {
        precondition((0..<rowCount).contains(row), "row \(row) of a pass of \(rowCount)")
        return UnsafeBufferPointer(start: base + row * width, count: width)
    }
}
