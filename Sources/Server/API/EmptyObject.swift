/// An object without fields; decoding any other value fails.
struct EmptyObject: Decodable {
    init(from decoder: any Decoder) throws {
        guard try [String: Ignored](from: decoder).isEmpty else {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "has fields"))
        }
    }

    private struct Ignored: Decodable {}
}
