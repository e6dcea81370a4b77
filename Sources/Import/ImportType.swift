import SpeculateShared

/// How the weights of the file to be are stored.
package enum ImportType: String, CaseIterable, Sendable {
    case q8_0, q4_1, f16, bf16, f32

    /// As file names have it.
    package var name: String { rawValue.uppercased() }

    /// `general.file_type`, with llama.cpp's numbers.
    var fileType: UInt32 {
        switch self {
        case .f32: 0
        case .f16: 1
        case .q4_1: 3
        case .q8_0: 7
        case .bf16: 32
        }
    }

    private var tensorType: TensorType {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .q4_1: .q4_1
        case .q8_0: .q8_0
        case .bf16: .bf16
        }
    }

    /// The type of a tensor, chosen as llama.cpp's programs do: vectors stay floats, the head's matrix gets more bits, and
    /// rows that do not divide into a format's units take the next best one.
    /// - Parameter isHead: whether it is the head's matrix, on its own or as the embedding.
    func type(of tensor: PlannedTensor, isHead: Bool) -> TensorType {
        guard tensor.isMatrix else { return .f32 }
        let wanted: TensorType =
            self == .q4_1 && isHead ? (tensor.shape[0] % TensorType.q6_K.unitSize == 0 ? .q6_K : .q8_0) : tensorType
        return tensor.shape[0] % wanted.unitSize == 0 ? wanted : .f16
    }
}
