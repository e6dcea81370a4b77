import SpeculateShared

/// Reads the fields of a protocol buffer's message, bounds-checked.
struct ProtocolBuffer {
    enum Value {
        case number(UInt64), word(UInt32), double(UInt64), bytes(ArraySlice<UInt8>)
    }

    private var rest: ArraySlice<UInt8>
    private let file: String

    init(_ bytes: ArraySlice<UInt8>, file: String) {
        rest = bytes
        self.file = file
    }

    /// nil at the end.
    mutating func next() throws(ModelFileError) -> (number: Int, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let key = try varint()
        let number = Int(key >> 3 & 0x1fff_ffff)
        switch key & 7 {
        case 0: return (number, .number(try varint()))
        case 1: return (number, .double(try fixed(8)))
        case 2:
            let count = try varint()
            guard count <= UInt64(rest.count) else { throw truncated }
            defer { rest = rest.dropFirst(Int(count)) }
            return (number, .bytes(rest.prefix(Int(count))))
        case 5: return (number, .word(UInt32(truncatingIfNeeded: try fixed(4))))
        default: throw .bad(file, "is no protocol buffer: a field has the type \(key & 7)")
        }
    }

    private var truncated: ModelFileError { .bad(file, "is truncated, or no protocol buffer") }

    private mutating func varint() throws(ModelFileError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { throw truncated }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw truncated
    }

    private mutating func fixed(_ count: Int) throws(ModelFileError) -> UInt64 {
        guard rest.count >= count else { throw truncated }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
