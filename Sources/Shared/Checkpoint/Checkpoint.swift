/// A GGUF version 3 file, or the several files of a split model: metadata, and tensors that are read on demand. Nothing
/// is trusted before it is checked, and nothing is read twice: another program may be writing to the file.
package final class Checkpoint: Sendable {
    package struct Contents: Sendable {
        var metadata: Metadata
        var tensors: [TensorInfo]
        var dataOffset: Int
    }

    private let parts: [CheckpointPart]
    /// Those of the first part, then those of the second, and so on.
    package let tensors: [TensorInfo]
    private let indices: [String: Int]

    /// - Parameter path: the file, or the first of a split model's, beside which the others lie.
    /// - Throws: `FileError` if a file cannot be read, `CheckpointError` if one is not a valid GGUF file or a part of another
    ///   model.
    package init(path: String) throws {
        parts = try Self.parts(from: path)
        tensors = parts.enumerated().flatMap { number, part in
            part.contents.tensors.map { tensor in
                var tensor = tensor
                tensor.part = number
                return tensor
            }
        }
        indices = Dictionary(uniqueKeysWithValues: tensors.enumerated().map { ($1.name, $0) })
    }

    package var metadata: Metadata { parts[0].metadata }
    /// Of the first part.
    package var path: String { parts[0].file.path }
    /// Of all parts.
    package var byteCount: Int { parts.reduce(0) { $0 + $1.file.byteCount } }
    package var partCount: Int { parts.count }

    package func tensor(_ name: String) -> TensorInfo? { indices[name].map { tensors[$0] } }

    /// Fills `buffer` with the tensor's bytes starting at `offset`.
    /// - Throws: `CheckpointError` if the file can no longer be read there.
    package func read(
        _ tensor: TensorInfo, from offset: Int = 0, into buffer: UnsafeMutableRawBufferPointer
    ) throws(CheckpointError) {
        precondition(offset >= 0 && offset + buffer.count <= tensor.byteCount)
        let part = parts[tensor.part]
        do throws(FileError) {
            try part.file.read(buffer, at: part.contents.dataOffset + tensor.offset + offset)
        } catch {
            let file = partCount > 1 ? "\(error.path):" : "the file"
            throw .tensor(tensor.name, "cannot be read: \(file) \(error.reason)")
        }
    }

    /// All of the tensor's bytes.
    package func bytes(of tensor: TensorInfo) throws(CheckpointError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
        var failure: CheckpointError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(CheckpointError) { try read(tensor, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The tensor's values as floats, row by row.
    package func floats(of tensor: TensorInfo) throws(CheckpointError) -> [Float] {
        let bytes = try bytes(of: tensor)
        return [Float](unsafeUninitializedCapacity: tensor.count) { buffer, initialized in
            bytes.withUnsafeBytes { dequantize($0, type: tensor.type, inputs: tensor.shape[0], into: buffer) }
            initialized = tensor.count
        }
    }
}
