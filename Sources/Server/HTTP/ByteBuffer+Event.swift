import NIOCore

extension ByteBuffer {
    /// A server-sent event.
    static func event(_ value: some Encodable) throws -> ByteBuffer {
        var event = ByteBuffer(string: "data: ")
        event.writeImmutableBuffer(try ByteBuffer(json: value))
        event.writeString("\n\n")
        return event
    }
}
