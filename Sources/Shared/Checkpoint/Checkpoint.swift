/// A memory-mapped GGUF version 3 file: metadata and tensors. Nothing in it is trusted before it is checked.
package final class Checkpoint: Sendable {
    struct Contents: Sendable {
        var metadata: Metadata
        var tensors: [TensorInfo]
        var dataOffset: Int
    }

    package let path: String
    private let file: MappedFile
    private let contents: Contents
    private let indices: [String: Int]

    /// - Throws: `FileError` when the file cannot be read, `CheckpointError` when it is not a sound GGUF file.
    package init(path: String) throws {
        self.path = path
        file = try MappedFile(path: path)
        contents = try Self.parse(file.bytes)
        indices = Dictionary(uniqueKeysWithValues: contents.tensors.enumerated().map { ($1.name, $0) })
    }

    package var metadata: Metadata { contents.metadata }
    package var tensors: [TensorInfo] { contents.tensors }
    package var byteCount: Int { file.bytes.count }

    package func tensor(_ name: String) -> TensorInfo? { indices[name].map { contents.tensors[$0] } }

    /// The tensor's bytes, valid while this checkpoint lives.
    package func bytes(of tensor: TensorInfo) -> UnsafeRawBufferPointer {
        let start = contents.dataOffset + tensor.offset
        return UnsafeRawBufferPointer(rebasing: file.bytes[start..<start + tensor.byteCount])
    }

    /// Lets the system drop the tensor's pages from memory; they are read again from the file when touched.
    package func release(_ tensor: TensorInfo) { file.release(bytes(of: tensor)) }

    /// The tensor's values as floats, row after row.
    package func floats(of tensor: TensorInfo) -> [Float] {
        let inputs = tensor.shape[0]
        let source = bytes(of: tensor)
        return [Float](unsafeUninitializedCapacity: tensor.count) { buffer, initialized in
            dequantize(source, type: tensor.type, inputs: inputs, into: buffer)
            initialized = tensor.count
        }
    }

    /// Checks a buffer as `init` would check a file; for tests that mutate many of them.
    package static func validate(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
        _ = try parse(bytes)
    }
}
