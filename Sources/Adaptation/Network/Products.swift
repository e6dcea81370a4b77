import COpenBLAS

/// Products of row-major matrices in 32-bit floats. Their sums have no fixed order, so that nothing which decides tokens
/// may come from them.
enum Products {
    /// output [rows × outputs] (+)= x [rows × inputs] · weights [outputs × inputs]ᵀ
    static func forward(
        _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, rows: Int, inputs: Int, outputs: Int,
        into output: UnsafeMutablePointer<Float>, accumulating: Bool = false
    ) {
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, Int32(rows), Int32(outputs), Int32(inputs), 1, x, Int32(inputs),
            weights, Int32(inputs), accumulating ? 1 : 0, output, Int32(outputs))
    }

    /// The gradient by x: dx [rows × inputs] (+)= dy [rows × outputs] · weights [outputs × inputs]
    static func byInputs(
        _ dy: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, rows: Int, inputs: Int, outputs: Int,
        into dx: UnsafeMutablePointer<Float>, accumulating: Bool = false
    ) {
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(rows), Int32(inputs), Int32(outputs), 1, dy,
            Int32(outputs), weights, Int32(inputs), accumulating ? 1 : 0, dx, Int32(inputs))
    }

    /// The gradient by the weights: dw [outputs × inputs] += dy [rows × outputs]ᵀ · x [rows × inputs]
    static func byWeights(
        _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, rows: Int, inputs: Int, outputs: Int,
        into dw: UnsafeMutablePointer<Float>
    ) {
        cblas_sgemm(
            CblasRowMajor, CblasTrans, CblasNoTrans, Int32(outputs), Int32(inputs), Int32(rows), 1, dy,
            Int32(outputs), x, Int32(inputs), 1, dw, Int32(inputs))
    }

    /// How many threads they take.
    static func setThreads(_ count: Int) { openblas_set_num_threads(Int32(count)) }
}
