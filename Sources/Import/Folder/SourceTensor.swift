import SpeculateShared

/// A tensor of a safetensors file.
struct SourceTensor: Sendable {
    let name: String
    let type: TensorType
    /// The slowest dimension first: [outputs, inputs] for a matrix.
    let shape: [Int]
    /// Bytes from the start of the file.
    let offset: Int
    let byteCount: Int
    let file: ReadableFile
    /// The file's name in the folder.
    let fileName: String
}

extension SourceTensor {
    private static let comparedBytes = 1 << 22

    /// Whether two tensors have the same bytes.
    static func areEqual(_ one: SourceTensor, _ other: SourceTensor) throws(ModelFileError) -> Bool {
        guard one.type == other.type, one.shape == other.shape else { return false }
        for start in stride(from: 0, to: one.byteCount, by: comparedBytes) {
            let count = min(comparedBytes, one.byteCount - start)
            var (first, second) = ([UInt8](repeating: 0, count: count), [UInt8](repeating: 0, count: count))
            try one.file.fill(&first, at: one.offset + start)
            try other.file.fill(&second, at: other.offset + start)
            if first != second { return false }
        }
        return true
    }
}
