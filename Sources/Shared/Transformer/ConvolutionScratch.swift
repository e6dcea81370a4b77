import CKernels

/// Scratch of convolutions.
struct ConvolutionScratch: BitwiseCopyable {
    /// Floats of a row's coefficients.
    let stride: Int
    let input: UnsafeMutablePointer<Float>  // [rows, hidden] normalised rows
    let coefficients: UnsafeMutablePointer<Float>  // [rows, stride]

    init(_ shape: Convolution.Shape, hidden: Int, rows: Int, in arena: Arena) {
        stride = Convolution.stride(shape, hidden: hidden)
        input = arena.allocate(count: rows * hidden)
        coefficients = arena.allocate(count: rows * stride)
    }
}
