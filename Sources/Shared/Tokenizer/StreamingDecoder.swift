/// Decodes tokens to text as they arrive, never half a character: bytes that may still become one wait for the next
/// token; bytes that cannot become U+FFFD. O(1) per token.
package struct StreamingDecoder: Sendable {
    private var pending: [UInt8] = []

    package init() {}

    package mutating func append(_ bytes: some Sequence<UInt8>) -> String {
        pending += bytes
        let complete = pending.count - UTF8Decoding.incompleteSuffix(of: pending)
        guard complete > 0 else { return "" }
        let text = String(decoding: pending[..<complete], as: UTF8.self)
        pending.removeFirst(complete)
        return text
    }

    /// The remaining text once there are no more tokens.
    package mutating func finish() -> String {
        defer { pending.removeAll() }
        return String(decoding: pending, as: UTF8.self)
    }
}
