import Foundation
import Hummingbird

extension Response {
    init(json value: some Encodable, status: HTTPResponse.Status = .ok) throws {
        self.init(encoded: try ByteBuffer(json: value), status: status)
    }

    /// - Parameter json: already encoded.
    init(encoded json: ByteBuffer, status: HTTPResponse.Status = .ok) {
        self.init(
            status: status, headers: [.contentType: "application/json; charset=utf-8"],
            body: .init(byteBuffer: json))
    }
}

extension ByteBuffer {
    init(json value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        self.init(data: try encoder.encode(value))
    }
}
