import CKernels

/// The tensor types that this engine computes with, with the file format's numbers.
package enum TensorType: UInt32, CaseIterable, Sendable, CustomStringConvertible {
    case f32 = 0
    case f16 = 1
    case q4_0 = 2
    case q4_1 = 3
    case q5_0 = 6
    case q5_1 = 7
    case q8_0 = 8
    case q2_K = 10
    case q3_K = 11
    case q4_K = 12
    case q5_K = 13
    case q6_K = 14
    case iq4_NL = 20
    case iq4_XS = 23
    /// Indices, not weights: no kernel computes with them.
    case i64 = 27
    case bf16 = 30

    /// The types that weights come in.
    package static let weights = allCases.filter { $0 != .i64 }

    /// Weights that are stored together; the first dimension is a multiple of it.
    package var blockSize: Int { self == .i64 ? 1 : Int(spk_block_weights(kernelType)) }

    /// Bytes of one block.
    package var blockBytes: Int { self == .i64 ? 8 : spk_row_bytes(kernelType, Int32(blockSize)) }

    package var kernelType: spk_tensor_type { spk_tensor_type(rawValue: rawValue) }

    package var description: String {
        switch self {
        case .f32: "F32"
        case .f16: "F16"
        case .q4_0: "Q4_0"
        case .q4_1: "Q4_1"
        case .q5_0: "Q5_0"
        case .q5_1: "Q5_1"
        case .q8_0: "Q8_0"
        case .q2_K: "Q2_K"
        case .q3_K: "Q3_K"
        case .q4_K: "Q4_K"
        case .q5_K: "Q5_K"
        case .q6_K: "Q6_K"
        case .iq4_NL: "IQ4_NL"
        case .iq4_XS: "IQ4_XS"
        case .i64: "I64"
        case .bf16: "BF16"
        }
    }
}
