/// The rotations of a pass's rows under one `Rope`: cosines and sines, computed once for all layers that share it.
struct RotationTable: BitwiseCopyable {
    /// Dimensions of a head that are rotated.
    let dimensions: Int
    let isInterleaved: Bool
    private let magnitude: Double
    private let cosine: UnsafeMutablePointer<Float>  // [rows, dimensions / 2]
    private let sine: UnsafeMutablePointer<Float>  // [rows, dimensions / 2]
    private let frequencies: UnsafeMutablePointer<Double>  // [dimensions / 2] radians per position

    init(_ rope: Rope, rows: Int, in arena: Arena) {
        dimensions = rope.dimensions
        isInterleaved = rope.isInterleaved
        magnitude = Double(rope.magnitude)
        cosine = arena.allocate(count: rows * dimensions / 2)
        sine = arena.allocate(count: rows * dimensions / 2)
        frequencies = arena.allocate(count: dimensions / 2)
    }

    /// - Parameter factors: [dimensions / 2] what divides each frequency.
    func setFrequencies(_ rope: Rope, factors: UnsafePointer<Float>?) {
        for i in 0..<dimensions / 2 { frequencies[i] = rope.frequency(i) / Double(factors?[i] ?? 1) }
    }

    func set(row: Int, position: Int) {
        let half = dimensions / 2
        for i in 0..<half {
            let angle = Double(position) * frequencies[i]
            cosine[row * half + i] = Float(cos(angle) * magnitude)
            sine[row * half + i] = Float(sin(angle) * magnitude)
        }
    }

    @inline(__always)
    func cosines(row: Int) -> UnsafePointer<Float> { UnsafePointer(cosine + row * (dimensions / 2)) }
    @inline(__always)
    func sines(row: Int) -> UnsafePointer<Float> { UnsafePointer(sine + row * (dimensions / 2)) }
}
