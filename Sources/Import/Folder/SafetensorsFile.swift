import SpeculateShared

/// Reads the header of a safetensors file: a 64-bit length, that much JSON, then the tensors without gaps. Nothing is
/// trusted before it is checked.
enum SafetensorsFile {
    /// What the format's own library allows.
    private static let greatestHeader = 100_000_000
    private static let types: [String: TensorType] = ["F32": .f32, "F16": .f16, "BF16": .bf16]

    static func tensors(of name: String, in folder: ModelFolder) throws(ModelFileError) -> [SourceTensor] {
        let file = try folder.open(name)
        guard file.byteCount >= 8 else { throw .bad(name, "has \(file.byteCount) bytes, expected a header") }
        var length = [UInt8](repeating: 0, count: 8)
        try file.fill(&length, at: 0)
        let count = length.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard count <= UInt64(min(greatestHeader, file.byteCount - 8)) else {
            throw .bad(
                name, "its header claims \(count) bytes, expected at most \(min(greatestHeader, file.byteCount - 8))")
        }
        var header = [UInt8](repeating: 0, count: Int(count))
        try file.fill(&header, at: 8)
        guard let object = try JSONParser.parse(header, file: "\(name) (header)").object else {
            throw .bad(name, "its header is not an object")
        }
        var tensors: [SourceTensor] = []
        for member in object.members where member.key != "__metadata__" {
            tensors.append(try tensor(member, start: 8 + Int(count), file, name))
        }
        try check(tensors, start: 8 + Int(count), file, name)
        return tensors
    }

    private static func tensor(
        _ member: JSONObject.Member, start: Int, _ file: ReadableFile, _ name: String
    ) throws(ModelFileError) -> SourceTensor {
        let place = "\(name): tensor \(excerpt(member.key))"
        guard let object = member.value.object else {
            throw .bad(place, "is \(member.value.summary), expected an object")
        }
        let fields = Fields(object, place)
        guard let typeName = try fields.optionalString("dtype"), let type = types[typeName] else {
            throw fields.wrong("dtype", fields["dtype"], expected: "F32, F16 or BF16")
        }
        var shape: [Int] = []
        var bytes = type.unitBytes
        for value in try fields.array("shape") {
            guard let size = value.integer, size > 0 else {
                throw .bad(place, "has a dimension of \(value.summary), expected at least 1")
            }
            let (product, overflow) = bytes.multipliedReportingOverflow(by: size)
            guard !overflow else { throw .bad(place, "has more weights than can be counted") }
            shape.append(size)
            bytes = product
        }
        let offsets = try fields.array("data_offsets").map(\.integer)
        guard offsets.count == 2, let begin = offsets[0], let end = offsets[1], begin >= 0, end >= begin else {
            throw fields.wrong("data_offsets", fields["data_offsets"], expected: "two offsets in order")
        }
        guard end - begin == bytes else {
            throw .bad(place, "has \(end - begin) bytes, expected \(bytes) for \(typeName) \(shape)")
        }
        guard end <= file.byteCount - start else {
            throw .bad(
                place, "ends at byte \(end) of the data, but the file has \(file.byteCount - start): it is truncated")
        }
        return SourceTensor(
            name: member.key, type: type, shape: shape, offset: start + begin, byteCount: bytes, file: file,
            fileName: name)
    }

    /// The tensors cover the data, and no byte belongs to two.
    private static func check(
        _ tensors: [SourceTensor], start: Int, _ file: ReadableFile, _ name: String
    ) throws(ModelFileError) {
        var end = start
        for tensor in tensors.sorted(by: { $0.offset < $1.offset }) {
            guard tensor.offset == end else {
                throw .bad(
                    name,
                    "tensor \(excerpt(tensor.name)) begins at byte \(tensor.offset - start) of the data, "
                        + "expected \(end - start): tensors \(tensor.offset < end ? "overlap" : "leave a gap")")
            }
            end = tensor.offset + tensor.byteCount
        }
        guard end == file.byteCount else {
            throw .bad(name, "has \(file.byteCount - end) bytes after its last tensor, expected none")
        }
    }
}
