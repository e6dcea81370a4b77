import CKernels

/// The tensor types that this engine supports, with the file format's numbers.
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
    /// Indices rather than weights, as I64 are: no kernel computes with them.
    case i32 = 26
    case i64 = 27
    case bf16 = 30

    /// The types that weights can have.
    package static let weights = allCases.filter { !$0.isIndex }

    package var isIndex: Bool { self == .i32 || self == .i64 }

    /// Weights that the format stores as a unit; the first dimension is a multiple of it.
    package var unitSize: Int { isIndex ? 1 : Int(spk_unit_weights(kernelType)) }

    /// Bytes of such a unit.
    package var unitBytes: Int { isIndex ? (self == .i32 ? 4 : 8) : spk_row_bytes(kernelType, Int32(unitSize)) }

    package var kernelType: spk_tensor_type { spk_tensor_type(rawValue: rawValue) }

    /// The name of a type number, whether or not this engine supports the type.
    static func name(of number: UInt32) -> String {
        if let known = Self(rawValue: number) { return known.description }
        let others: [UInt32: String] = [
            9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 21: "IQ3_S", 22: "IQ2_S",
            24: "I8", 25: "I16", 28: "F64", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4",
        ]
        return others[number] ?? "number \(number)"
    }

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
        case .i32: "I32"
        case .i64: "I64"
        case .bf16: "BF16"
        }
    }
}
