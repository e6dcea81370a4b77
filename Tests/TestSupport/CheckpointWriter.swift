import SpeculateShared

/// Writes a GGUF version 3 file. Tensors are laid out in the order they were added, each aligned.
package struct CheckpointWriter {
    package var metadata = Metadata()
    private var tensors: [(info: TensorInfo, bytes: [UInt8])] = []
    private var dataBytes = 0
    private let alignment = 32

    package init() {}

    /// - Parameter shape: dimensions, fastest first: [inputs, outputs] for a matrix.
    /// - Throws: `CheckpointError` if the byte count does not match the type and shape.
    package mutating func add(_ name: String, type: TensorType, shape: [Int], bytes: [UInt8]) throws(CheckpointError) {
        guard !name.isEmpty, (1...4).contains(shape.count), shape.allSatisfy({ $0 >= 1 }),
            shape[0] % type.unitSize == 0
        else { throw .tensor(name, "cannot be written with shape \(shape) and type \(type)") }
        guard !tensors.contains(where: { $0.info.name == name }) else { throw .tensor(name, "is added twice") }
        let info = TensorInfo(name: name, type: type, shape: shape, offset: dataBytes)
        guard bytes.count == info.byteCount else {
            throw .tensor(name, "has \(bytes.count) bytes, expected \(info.byteCount) for \(type) \(shape)")
        }
        tensors.append((info, bytes))
        dataBytes += (bytes.count + alignment - 1) / alignment * alignment
    }

    package mutating func add(_ name: String, shape: [Int], floats: [Float]) throws(CheckpointError) {
        let bytes = floats.withUnsafeBytes { Array($0) }
        try add(name, type: .f32, shape: shape, bytes: bytes)
    }

    /// The whole file.
    package func bytes() -> [UInt8] {
        var out: [UInt8] = []
        append(UInt32(0x4655_4747), to: &out)
        append(UInt32(3), to: &out)
        append(UInt64(tensors.count), to: &out)
        var metadata = metadata
        metadata["general.alignment"] = .uint32(UInt32(alignment))
        append(UInt64(metadata.keys.count), to: &out)
        for key in metadata.keys {
            append(key.utf8, to: &out)
            append(metadata[key]!.type.rawValue, to: &out)
            append(metadata[key]!, to: &out)
        }
        for (info, _) in tensors {
            append(info.name.utf8, to: &out)
            append(UInt32(info.shape.count), to: &out)
            for size in info.shape { append(UInt64(size), to: &out) }
            append(info.type.rawValue, to: &out)
            append(UInt64(info.offset), to: &out)
        }
        pad(&out)
        for (_, bytes) in tensors {
            out += bytes
            pad(&out)
        }
        return out
    }

    /// Writes the file atomically.
    /// - Throws: `FileError`.
    package func write(to path: String) throws(FileError) {
        try AtomicFile.write(bytes(), to: path)
    }

    private func pad(_ out: inout [UInt8]) {
        out += [UInt8](repeating: 0, count: (alignment - out.count % alignment) % alignment)
    }

    private func append(_ value: some BitwiseCopyable, to out: inout [UInt8]) {
        withUnsafeBytes(of: value) { out += $0 }
    }

    private func append(_ string: some Collection<UInt8>, to out: inout [UInt8]) {
        append(UInt64(string.count), to: &out)
        out += string
    }

    private func append(_ value: MetadataValue, to out: inout [UInt8]) {
        switch value {
        case .uint8(let v): append(v, to: &out)
        case .int8(let v): append(v, to: &out)
        case .uint16(let v): append(v, to: &out)
        case .int16(let v): append(v, to: &out)
        case .uint32(let v): append(v, to: &out)
        case .int32(let v): append(v, to: &out)
        case .float32(let v): append(v, to: &out)
        case .bool(let v): append(UInt8(v ? 1 : 0), to: &out)
        case .string(let v): append(v, to: &out)
        case .array(let v): append(v, to: &out)
        case .uint64(let v): append(v, to: &out)
        case .int64(let v): append(v, to: &out)
        case .float64(let v): append(v, to: &out)
        }
    }

    private func append(_ array: MetadataArray, to out: inout [UInt8]) {
        append(array.elementType.rawValue, to: &out)
        append(UInt64(array.count), to: &out)
        switch array {
        case .uint8(let v): append(v, rawTo: &out)
        case .int8(let v): append(v, rawTo: &out)
        case .uint16(let v): append(v, rawTo: &out)
        case .int16(let v): append(v, rawTo: &out)
        case .uint32(let v): append(v, rawTo: &out)
        case .int32(let v): append(v, rawTo: &out)
        case .float32(let v): append(v, rawTo: &out)
        case .bool(let v): append(v.map { UInt8($0 ? 1 : 0) }, rawTo: &out)
        case .string(let v): for string in v { append(string, to: &out) }
        case .array(let v, _): for inner in v { append(inner, to: &out) }
        case .uint64(let v): append(v, rawTo: &out)
        case .int64(let v): append(v, rawTo: &out)
        case .float64(let v): append(v, rawTo: &out)
        }
    }

    private func append<T: BitwiseCopyable>(_ values: [T], rawTo out: inout [UInt8]) {
        values.withUnsafeBytes { out += $0 }
    }
}
