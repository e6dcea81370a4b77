import SpeculateImport
import SpeculateShared

/// Writes a drafter's file again: its metadata and tensors, with the trained ones in the others' place.
struct AdaptedFile {
    /// Says what was done to the file.
    static let key = "speculate.adapted"

    let original: Checkpoint

    /// - Throws: `CheckpointError` or `FileError`.
    func write(_ parameters: [String: (type: TensorType, bytes: [UInt8])], to file: PendingFile) throws {
        var header = CheckpointHeader()
        header.metadata = original.metadata
        header.metadata[Self.key] = .bool(true)
        // It is one file now.
        for key in ["split.no", "split.count", "split.tensors.count"] { header.metadata[key] = nil }
        // Where the file asks for padding of its own, it gets the usual one.
        header.metadata["general.alignment"] = nil
        for tensor in original.tensors {
            try header.add(tensor.name, type: parameters[tensor.name]?.type ?? tensor.type, shape: tensor.shape)
        }
        try file.write(header.bytes())
        for (tensor, info) in zip(original.tensors, header.tensors) {
            try file.write(parameters[tensor.name]?.bytes ?? original.bytes(of: tensor))
            let padding = CheckpointHeader.padded(info.byteCount) - info.byteCount
            if padding > 0 { try file.write([UInt8](repeating: 0, count: padding)) }
        }
    }
}
