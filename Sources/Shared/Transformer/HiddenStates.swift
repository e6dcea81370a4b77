/// Hidden states of the rows of one pass: the residual stream after each tapped layer, [rows, taps, hidden]. Valid until
/// the verifier's next pass, which asking for a row checks.
public struct HiddenStates {
    private let base: UnsafePointer<Float>
    /// Rows of the pass.
    public let rowCount: Int
    /// Floats per row: taps · hidden, none without taps.
    public let width: Int

    private let clock: PassClock
    private let time: Int

    package init(_ base: UnsafePointer<Float>, rowCount: Int, width: Int, clock: PassClock) {
        self.base = base
        self.rowCount = rowCount
        self.width = width
        self.clock = clock
        time = clock.time
    }

    /// [taps, hidden] of one row. Nothing checks when the buffer is read.
    public subscript(row: Int) -> UnsafeBufferPointer<Float> {
        precondition(time == clock.time, "the verifier has made another pass since")
        precondition((0..<rowCount).contains(row), "row \(row) of a pass of \(rowCount)")
        return UnsafeBufferPointer(start: base + row * width, count: width)
    }
}
