import SpeculateImport
import SpeculateShared

/// A GGUF version 3 file in memory.
package struct CheckpointWriter {
    private var header = CheckpointHeader()
    private var contents: [[UInt8]] = []

    package init() {}

    package var metadata: Metadata {
        get { header.metadata }
        set { header.metadata = newValue }
    }

    /// - Parameter shape: dimensions, fastest first: [inputs, outputs] for a matrix.
    /// - Throws: `CheckpointError` if the byte count does not match the type and shape.
    package mutating func add(_ name: String, type: TensorType, shape: [Int], bytes: [UInt8]) throws(CheckpointError) {
        var header = header
        try header.add(name, type: type, shape: shape)
        let expected = header.tensors[header.tensors.count - 1].byteCount
        guard bytes.count == expected else {
            throw .tensor(name, "has \(bytes.count) bytes, expected \(expected) for \(type) \(shape)")
        }
        self.header = header
        contents.append(bytes)
    }

    package mutating func add(_ name: String, shape: [Int], floats: [Float]) throws(CheckpointError) {
        let bytes = floats.withUnsafeBytes { Array($0) }
        try add(name, type: .f32, shape: shape, bytes: bytes)
    }

    /// The whole file.
    package func bytes() -> [UInt8] {
        var header = header
        header.metadata["general.alignment"] = .uint32(UInt32(CheckpointHeader.alignment))
        var out = header.bytes()
        for bytes in contents {
            out += bytes
            out += [UInt8](repeating: 0, count: CheckpointHeader.padded(bytes.count) - bytes.count)
        }
        return out
    }

    /// Writes the file atomically.
    /// - Throws: `FileError`.
    package func write(to path: String) throws(FileError) {
        try AtomicFile.write(bytes(), to: path)
    }
}
