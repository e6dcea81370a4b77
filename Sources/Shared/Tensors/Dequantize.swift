import CKernels

/// A tensor's weights as floats, in rows of `inputs`.
package func dequantize(
    _ source: UnsafeRawBufferPointer, type: TensorType, inputs: Int, into buffer: UnsafeMutableBufferPointer<Float>
) {
    let rowBytes = inputs / type.unitSize * type.unitBytes
    for row in 0..<buffer.count / inputs {
        spk_dequantize_row(
            type.kernelType, (source.baseAddress! + row * rowBytes).assumingMemoryBound(to: UInt8.self),
            Int32(inputs), buffer.baseAddress! + row * inputs)
    }
}
