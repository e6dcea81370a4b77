import SpeculateShared

/// The head of a GGUF version 3 file: metadata, and the descriptions of tensors, which are laid out in the order in which
/// they were added, each aligned.
package struct CheckpointHeader: Sendable {
    package static let alignment = 32

    package var metadata = Metadata()
    package private(set) var tensors: [TensorInfo] = []
    private var names = Set<[UInt8]>()
    /// Bytes of all tensors with the padding between and after them.
    package private(set) var dataBytes = 0

    package init() {}

    /// - Parameter shape: dimensions, fastest first: [inputs, outputs] for a matrix.
    /// - Throws: `CheckpointError` if the shape does not fit the type, or the name is taken.
    package mutating func add(_ name: String, type: TensorType, shape: [Int]) throws(CheckpointError) {
        guard !name.isEmpty, (1...4).contains(shape.count), shape.allSatisfy({ $0 >= 1 }),
            shape[0] % type.unitSize == 0
        else { throw .tensor(name, "cannot be written with shape \(shape) and type \(type)") }
        guard names.insert(Array(name.utf8)).inserted else { throw .tensor(name, "is added twice") }
        tensors.append(TensorInfo(name: name, type: type, shape: shape, offset: dataBytes))
        dataBytes += Self.padded(tensors[tensors.count - 1].byteCount)
    }

    package static func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }

    /// Everything before the first tensor's bytes.
    package func bytes() -> [UInt8] {
        var out: [UInt8] = []
        append(UInt32(0x4655_4747), to: &out)
        append(UInt32(3), to: &out)
        append(UInt64(tensors.count), to: &out)
        append(UInt64(metadata.keys.count), to: &out)
        for key in metadata.keys {
            append(key.utf8, to: &out)
            append(metadata[key]!.type.rawValue, to: &out)
            append(metadata[key]!, to: &out)
        }
        for info in tensors {
            append(info.name.utf8, to: &out)
            append(UInt32(info.shape.count), to: &out)
            for size in info.shape { append(UInt64(size), to: &out) }
            append(info.type.rawValue, to: &out)
            append(UInt64(info.offset), to: &out)
        }
        out += [UInt8](repeating: 0, count: Self.padded(out.count) - out.count)
        return out
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
