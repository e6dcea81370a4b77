import SpeculateShared

/// A GGUF file in parts that need not match. Changing one part gives a file whose other parts are still in place, which
/// gets past the header's checks.
struct LooseCheckpoint {
    struct Pair {
        var key: String
        var type: UInt32
        var value: LooseValue
    }

    struct Tensor {
        var name: String
        var sizes: [UInt64]
        var type: UInt32
        var bytes: [UInt8]
        /// Written instead of the actual offset.
        var offset: UInt64?

        /// Bytes that its sizes and type need; nil if there is no such type, or too many to count.
        var soundByteCount: Int? {
            guard let type = TensorType(rawValue: type) else { return nil }
            var count = 1
            for size in sizes {
                let (product, overflow) = count.multipliedReportingOverflow(by: Int(clamping: size))
                if overflow { return nil }
                count = product
            }
            let (bytes, overflow) = (count / type.unitSize).multipliedReportingOverflow(by: type.unitBytes)
            return overflow ? nil : bytes
        }
    }

    var version: UInt32 = 3
    var pairs: [Pair] = []
    var tensors: [Tensor] = []
    /// Of the tensors' bytes, regardless of the metadata.
    var alignment = 32
    /// Written instead of the actual count.
    var pairCount: UInt64?
    var tensorCount: UInt64?

    /// The parts of a valid file.
    init(_ file: [UInt8]) {
        var offset = 8
        func read<T: FixedWidthInteger>(_: T.Type) -> T {
            defer { offset += MemoryLayout<T>.size }
            return file.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: T.self) }
        }
        func take(_ count: Int) -> [UInt8] {
            defer { offset += count }
            return Array(file[offset..<offset + count])
        }
        func text() -> String { String(decoding: take(Int(read(UInt64.self))), as: UTF8.self) }
        func value(_ type: UInt32) -> LooseValue {
            switch type {
            case LooseValue.stringType: return .string(take(Int(read(UInt64.self))))
            case LooseValue.arrayType:
                let element = read(UInt32.self)
                return .array(of: element, (0..<read(UInt64.self)).map { _ in value(element) })
            default: return .number(type: type, take(LooseValue.byteCount(type)))
            }
        }
        let (tensorCount, pairCount) = (read(UInt64.self), read(UInt64.self))
        for _ in 0..<pairCount {
            let key = text()
            let type = read(UInt32.self)
            pairs.append(Pair(key: key, type: type, value: value(type)))
        }
        var starts: [Int] = []
        for _ in 0..<tensorCount {
            let name = text()
            let sizes = (0..<read(UInt32.self)).map { _ in read(UInt64.self) }
            tensors.append(Tensor(name: name, sizes: sizes, type: read(UInt32.self), bytes: []))
            starts.append(Int(read(UInt64.self)))
        }
        let data = file.dropFirst(padded(offset))
        for index in tensors.indices {
            // The last one may be followed by padding.
            let tensor = data.dropFirst(starts[index]).prefix(tensors[index].soundByteCount ?? 0)
            tensors[index].bytes = Array(tensor)
        }
    }

    /// The first value with this key. Setting it replaces that value, or appends one.
    subscript(key: String) -> LooseValue? {
        get { pairs.first { $0.key == key }?.value }
        set {
            let index = pairs.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): (pairs[index].value, pairs[index].type) = (value, value.type)
            case (let index?, nil): pairs.remove(at: index)
            case (nil, let value?): pairs.append(Pair(key: key, type: value.type, value: value))
            case (nil, nil): break
            }
        }
    }

    /// Sets an integer, keeping its type.
    mutating func set(_ key: String, to number: Int) {
        let type = self[key]?.type ?? 4
        self[key] = .number(
            type: type, withUnsafeBytes(of: Int64(number)) { Array($0.prefix(LooseValue.byteCount(type))) })
    }

    /// The whole file.
    func bytes() -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(tensors.reduce(1 << 14) { $0 + $1.bytes.count + alignment })
        Self.append(UInt32(0x4655_4747), to: &out)
        Self.append(version, to: &out)
        Self.append(tensorCount ?? UInt64(tensors.count), to: &out)
        Self.append(pairCount ?? UInt64(pairs.count), to: &out)
        for pair in pairs {
            LooseValue.text(pair.key).append(to: &out)
            Self.append(pair.type, to: &out)
            pair.value.append(to: &out)
        }
        var offset = 0
        for tensor in tensors {
            LooseValue.text(tensor.name).append(to: &out)
            Self.append(UInt32(tensor.sizes.count), to: &out)
            for size in tensor.sizes { Self.append(size, to: &out) }
            Self.append(tensor.type, to: &out)
            Self.append(tensor.offset ?? UInt64(offset), to: &out)
            offset += padded(tensor.bytes.count)
        }
        for tensor in tensors {
            out += [UInt8](repeating: 0, count: padded(out.count) - out.count)
            out += tensor.bytes
        }
        return out
    }

    private func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }

    static func append(_ value: some FixedWidthInteger, to out: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { out += $0 }
    }
}
