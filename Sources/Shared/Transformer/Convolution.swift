import CKernels

/// Lets every row read the rows before it, channel by channel, with weights that the row chooses itself: once before
/// attention or the feed-forward network, and once behind it (DFlash 2).
package struct Convolution: BitwiseCopyable {
    /// Where it stands.
    enum Side: Int { case before, after }

    /// How many rows it reads, the row's own counted, and how many channels share what a row adds to a weight.
    package struct Shape: Equatable, Sendable, BitwiseCopyable {
        package var taps: Int
        package var groupSize: Int

        package init(taps: Int, groupSize: Int) {
            self.taps = taps
            self.groupSize = groupSize
        }
    }

    let shape: Shape
    /// [2 sides, taps, hidden]
    let base: UnsafePointer<Float>
    /// [2 sides · taps · groups × hidden] What a row adds to the weights.
    let projection: spk_matrix

    /// - Throws: `CheckpointError` naming the tensor that is missing or misshapen.
    init(_ name: String, _ shape: Shape, _ loader: WeightLoader, hidden: Int) throws(CheckpointError) {
        self.shape = shape
        base = try loader.table("\(name)_base", shape: [hidden, shape.taps, 2])
        projection = try loader.matrix(
            "\(name)_proj.weight", inputs: hidden, outputs: 2 * shape.taps * hidden / shape.groupSize)
    }

    /// Floats of a row's coefficients: whole panels.
    static func stride(_ shape: Shape, hidden: Int) -> Int {
        (2 * shape.taps * hidden / shape.groupSize + Int(SPK_LANES) - 1) / Int(SPK_LANES) * Int(SPK_LANES)
    }

    /// output = Σ over taps of (base + coefficient) ⊙ the row so far back.
    /// - Parameters:
    ///   - x: the row; those before it lie before it, [rows, hidden].
    ///   - reach: rows before it that there are.
    ///   - coefficients: the row's.
    func read(
        _ x: UnsafePointer<Float>, reach: Int, _ coefficients: UnsafePointer<Float>, _ side: Side, hidden: Int,
        into output: UnsafeMutablePointer<Float>
    ) {
        for channel in 0..<hidden { output[channel] = 0 }
        for tap in 0..<min(shape.taps, reach + 1) {
            let place = side.rawValue * shape.taps + tap
            let (base, row) = (base + place * hidden, x - tap * hidden)
            let coefficients = coefficients + place * (hidden / shape.groupSize)
            for channel in 0..<hidden {
                output[channel] += (base[channel] + coefficients[channel / shape.groupSize]) * row[channel]
            }
        }
    }
}
