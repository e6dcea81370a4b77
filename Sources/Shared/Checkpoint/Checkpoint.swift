/// A GGUF version 3 file: metadata, and tensors that are read on demand. Nothing is trusted before it is checked, and
/// nothing is read twice: another program may be writing to the file.
package final class Checkpoint: Sendable {
    package struct Contents: Sendable {
        var metadata: Metadata
        var tensors: [TensorInfo]
        var dataOffset: Int
    }

    private let file: ReadableFile
    private let contents: Contents
    private let indices: [String: Int]

    /// - Throws: `FileError` if the file cannot be read, `CheckpointError` if it is not a valid GGUF file.
    package init(path: String) throws {
        let file = try ReadableFile(path: path)
        self.file = file
        contents = try Self.parse(
            ByteReader(count: file.byteCount) { buffer, offset throws(FileError) in
                try file.read(buffer, at: offset)
            })
        indices = Dictionary(uniqueKeysWithValues: contents.tensors.enumerated().map { ($1.name, $0) })
    }

    package var metadata: Metadata { contents.metadata }
    package var tensors: [TensorInfo] { contents.tensors }
    package var path: String { file.path }
    package var byteCount: Int { file.byteCount }

    package func tensor(_ name: String) -> TensorInfo? { indices[name].map { contents.tensors[$0] } }

    /// Fills `buffer` with the tensor's bytes starting at `offset`.
    /// - Throws: `CheckpointError` if the file can no longer be read there.
    package func read(
        _ tensor: TensorInfo, from offset: Int = 0, into buffer: UnsafeMutableRawBufferPointer
    ) throws(CheckpointError) {
        precondition(offset >= 0 && offset + buffer.count <= tensor.byteCount)
        do throws(FileError) {
            try file.read(buffer, at: contents.dataOffset + tensor.offset + offset)
        } catch {
            throw .tensor(tensor.name, "cannot be read: the file \(error.reason)")
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
