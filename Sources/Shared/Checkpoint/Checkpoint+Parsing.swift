extension Checkpoint {
    /// Bytes of the shortest key–value pair (empty key, type, one byte) and the shortest tensor description. They bound
    /// the counts that a header may claim.
    private static let leastPairBytes = 13
    private static let leastTensorBytes = 32
    private static let greatestNesting = 4
    /// Real headers have 1 to 20 MB, nearly all of it the vocabulary.
    private static let greatestHeader = 256 << 20
    private static let greatestDimensions = 4

    /// Parses header, metadata and tensor descriptions (GGUF specification, version 3); checks every length before
    /// using it.
    package static func parse(_ reader: ByteReader) throws(CheckpointError) -> Contents {
        var reader = reader
        let magic: UInt32 = try reader.read("the magic number")
        guard magic == 0x4655_4747 else {
            throw CheckpointError(
                "not a GGUF file: it begins with 0x\(String(magic.byteSwapped, radix: 16)), not 'GGUF'")
        }
        let version: UInt32 = try reader.read("the version")
        guard version == 3 else {
            let hint = version.byteSwapped == 3 ? " (a big-endian file)" : ""
            throw CheckpointError("GGUF version \(version)\(hint), expected 3")
        }
        let tensorCount: UInt64 = try reader.read("the tensor count")
        let pairCount: UInt64 = try reader.read("the metadata count")
        guard pairCount <= UInt64(reader.remaining / leastPairBytes) else {
            throw CheckpointError("metadata count \(pairCount) does not fit a file of \(reader.count) bytes")
        }
        guard tensorCount <= UInt64(reader.remaining / leastTensorBytes) else {
            throw CheckpointError("tensor count \(tensorCount) does not fit a file of \(reader.count) bytes")
        }

        var metadata = Metadata()
        for index in 0..<pairCount {
            let key = try name(&reader, "metadata key \(index)")
            guard metadata[key] == nil else { throw CheckpointError("metadata key '\(key)' appears twice") }
            metadata[key] = try value(&reader, key)
            try checkHeader(reader, key)
        }
        let alignment = try metadata.optionalInteger("general.alignment", in: 1...1 << 20) ?? 32
        guard alignment.nonzeroBitCount == 1 else {
            throw .invalid(key: "general.alignment", value: alignment, expected: "a power of two")
        }

        var tensors: [TensorInfo] = []
        tensors.reserveCapacity(Int(tensorCount))
        for index in 0..<tensorCount {
            tensors.append(try tensor(&reader, index, alignment))
            try checkHeader(reader, tensors[tensors.count - 1].name)
        }
        let dataOffset = (reader.offset + alignment - 1) / alignment * alignment
        try check(tensors, dataBytes: reader.count - dataOffset)
        return Contents(metadata: metadata, tensors: tensors, dataOffset: dataOffset)
    }

    private static func checkHeader(_ reader: ByteReader, _ part: String) throws(CheckpointError) {
        guard reader.offset <= greatestHeader else {
            throw CheckpointError("the header has more than \(greatestHeader) bytes at '\(part)'")
        }
    }

    private static func name(_ reader: inout ByteReader, _ part: String) throws(CheckpointError) -> String {
        let (name, length) = try reader.readString(part) { (String(validating: $0, as: UTF8.self), $0.count) }
        guard (1...65535).contains(length) else {
            throw CheckpointError("\(part) has a name of \(length) bytes, expected 1 to 65535")
        }
        guard let name else { throw CheckpointError("\(part) has a name that is not UTF-8") }
        return name
    }

    private static func type(_ reader: inout ByteReader, _ key: String) throws(CheckpointError) -> MetadataType {
        let raw: UInt32 = try reader.read("the type of '\(key)'")
        guard let type = MetadataType(rawValue: raw) else {
            throw CheckpointError("metadata key '\(key)' has the unknown type \(raw)")
        }
        return type
    }

    private static func value(_ reader: inout ByteReader, _ key: String) throws(CheckpointError) -> MetadataValue {
        let part = "metadata key '\(key)'"
        switch try type(&reader, key) {
        case .uint8: return .uint8(try reader.read(part))
        case .int8: return .int8(try reader.read(part))
        case .uint16: return .uint16(try reader.read(part))
        case .int16: return .int16(try reader.read(part))
        case .uint32: return .uint32(try reader.read(part))
        case .int32: return .int32(try reader.read(part))
        case .float32: return .float32(try reader.read(part))
        case .bool: return .bool(try bools(&reader, 1, key)[0])
        case .string: return .string(try reader.readString(part) { Array($0) })
        case .array: return .array(try array(&reader, key, depth: 1))
        case .uint64: return .uint64(try reader.read(part))
        case .int64: return .int64(try reader.read(part))
        case .float64: return .float64(try reader.read(part))
        }
    }

    private static func bools(_ reader: inout ByteReader, _ count: UInt64, _ key: String) throws(CheckpointError)
        -> [Bool]
    {
        let bytes: [UInt8] = try reader.read(count, "metadata key '\(key)'")
        guard let wrong = bytes.first(where: { $0 > 1 }) else { return bytes.map { $0 == 1 } }
        throw .invalid(key: key, value: "a bool stored as \(wrong)", expected: "0 or 1")
    }

    private static func array(_ reader: inout ByteReader, _ key: String, depth: Int) throws(CheckpointError)
        -> MetadataArray
    {
        guard depth <= greatestNesting else {
            throw CheckpointError("metadata key '\(key)' nests arrays more than \(greatestNesting) deep")
        }
        let part = "metadata key '\(key)'"
        let element = try type(&reader, key)
        let count: UInt64 = try reader.read(part)
        switch element {
        case .uint8: return .uint8(try reader.read(count, part))
        case .int8: return .int8(try reader.read(count, part))
        case .uint16: return .uint16(try reader.read(count, part))
        case .int16: return .int16(try reader.read(count, part))
        case .uint32: return .uint32(try reader.read(count, part))
        case .int32: return .int32(try reader.read(count, part))
        case .float32: return .float32(try reader.read(count, part))
        case .bool: return .bool(try bools(&reader, count, key))
        case .uint64: return .uint64(try reader.read(count, part))
        case .int64: return .int64(try reader.read(count, part))
        case .float64: return .float64(try reader.read(count, part))
        case .string:
            // Every string takes at least the 8 bytes of its length, every array its type and count.
            guard count <= UInt64(reader.remaining / 8) else {
                throw .truncated(part, needs: count, at: reader.offset, of: reader.count)
            }
            var strings = ByteStrings()
            strings.reserveCapacity(Int(count))
            for _ in 0..<count { try reader.readString(part) { strings.append($0) } }
            return .string(strings)
        case .array:
            guard count <= UInt64(reader.remaining / 12) else {
                throw .truncated(part, needs: count, at: reader.offset, of: reader.count)
            }
            var arrays: [MetadataArray] = []
            for _ in 0..<count { arrays.append(try array(&reader, key, depth: depth + 1)) }
            return .array(arrays, of: arrays.first?.elementType ?? .uint8)
        }
    }

    private static func tensor(_ reader: inout ByteReader, _ index: UInt64, _ alignment: Int) throws(CheckpointError)
        -> TensorInfo
    {
        let name = try name(&reader, "tensor \(index)")
        let part = "tensor '\(name)'"
        let dimensions: UInt32 = try reader.read(part)
        guard (1...UInt32(greatestDimensions)).contains(dimensions) else {
            throw .tensor(name, "has \(dimensions) dimensions, expected 1 to \(greatestDimensions)")
        }
        let sizes: [UInt64] = try reader.read(UInt64(dimensions), part)
        let rawType: UInt32 = try reader.read(part)
        let rawOffset: UInt64 = try reader.read(part)
        guard let type = TensorType(rawValue: rawType) else {
            throw .tensor(
                name,
                "has type \(TensorType.name(of: rawType)), which this engine does not compute with: expected one of "
                    + "\(TensorType.weights); a file of the same model in Q4_K_M, IQ4_XS or Q8_0 will do")
        }
        var count = UInt64(1)
        for size in sizes {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            // At most 2³¹ − 1 per dimension, so that products of two sizes fit 64 bits.
            guard size >= 1, size <= UInt64(Int32.max), !overflow, product <= UInt64(Int.max) / 8 else {
                throw .tensor(name, "has the shape \(sizes), which is empty or too large")
            }
            count = product
        }
        guard sizes[0] % UInt64(type.unitSize) == 0 else {
            throw .tensor(name, "has rows of \(sizes[0]), expected a multiple of \(type.unitSize) for \(type)")
        }
        guard let offset = Int(exactly: rawOffset), offset % alignment == 0 else {
            throw .tensor(name, "starts at \(rawOffset), expected a multiple of the alignment \(alignment)")
        }
        return TensorInfo(name: name, type: type, shape: sizes.map(Int.init), offset: offset)
    }

    private static func check(_ tensors: [TensorInfo], dataBytes: Int) throws(CheckpointError) {
        var names = Set<String>()
        for tensor in tensors {
            guard names.insert(tensor.name).inserted else { throw .tensor(tensor.name, "appears twice") }
            guard tensor.byteCount <= dataBytes, tensor.offset <= dataBytes - tensor.byteCount else {
                throw .tensor(
                    tensor.name,
                    "needs \(tensor.byteCount) bytes at \(tensor.offset), but the file ends after \(max(dataBytes, 0)) bytes of "
                        + "tensors; it may be incomplete"
                )
            }
        }
        let ordered = tensors.sorted { $0.offset < $1.offset }
        for (first, second) in zip(ordered, ordered.dropFirst())
        where second.offset < first.offset + first.byteCount {
            throw .tensor(second.name, "overlaps tensor '\(first.name)'")
        }
    }
}
