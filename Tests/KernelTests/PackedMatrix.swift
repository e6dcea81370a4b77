import CKernels
import SpeculateShared
import TestSupport

/// A random matrix in one tensor type: its file bytes, its packed form and its weights as floats.
struct PackedMatrix {
    let type: TensorType
    let inputs: Int
    let outputs: Int
    let file: [UInt8]
    let weights: [Float]  // [outputs, inputs]
    let matrix: spk_matrix
    private let arena: Arena

    /// - Parameter byte: fills the quants (random if nil).
    init(_ type: TensorType, inputs: Int, outputs: Int, seed: UInt64, byte: UInt8? = nil) {
        self.type = type
        self.inputs = inputs
        self.outputs = outputs
        var rng = SplitMix(seed)
        let blocks = outputs * inputs / type.unitSize
        var file = (0..<blocks * type.unitBytes).map { _ in byte ?? UInt8.random(in: 0...255, using: &rng) }
        for block in 0..<blocks {
            let start = block * type.unitBytes
            func put(_ value: Float, at offset: Int) {
                withUnsafeBytes(of: spk_f32_to_f16(value)) {
                    file.replaceSubrange(start + offset..<start + offset + 2, with: $0)
                }
            }
            let scale = Float.random(in: 0.01...0.1, using: &rng)
            switch type {
            case .f32:
                withUnsafeBytes(of: Float.random(in: -1...1, using: &rng)) {
                    file.replaceSubrange(start..<start + 4, with: $0)
                }
            case .bf16:
                withUnsafeBytes(of: Float.random(in: -1...1, using: &rng)) {
                    file.replaceSubrange(start..<start + 2, with: $0[2...])
                }
            case .i32, .i64: preconditionFailure("indices are no weights")
            case .f16: put(Float.random(in: -1...1, using: &rng), at: 0)
            case .q3_K: put(scale, at: 108)
            case .q6_K: put(Bool.random(using: &rng) ? scale : -scale, at: 208)
            case .q4_0, .q5_0, .q8_0, .iq4_NL, .iq4_XS: put(scale, at: 0)
            case .q2_K:
                put(scale, at: 80)
                put(scale * 8, at: 82)
            case .q4_1, .q5_1, .q4_K, .q5_K:
                put(scale, at: 0)
                put(-scale * 8, at: 2)
            }
        }
        self.file = file
        weights = [Float](unsafeUninitializedCapacity: outputs * inputs) { buffer, count in
            file.withUnsafeBytes { dequantize($0, type: type, inputs: inputs, into: buffer) }
            count = outputs * inputs
        }
        let panelBytes = spk_panel_bytes(type.kernelType, Int32(inputs))
        let panels = (outputs + 15) / 16
        arena = try! Arena(capacity: panels * panelBytes)
        let packed = arena.allocate(UInt8.self, count: panels * panelBytes)
        spk_pack(type.kernelType, file, Int32(outputs), Int32(inputs), 0, Int32(panels), packed)
        matrix = spk_matrix(
            type: type.kernelType, outputs: Int32(outputs), inputs: Int32(inputs), panel_bytes: panelBytes,
            data: packed)
    }
}
