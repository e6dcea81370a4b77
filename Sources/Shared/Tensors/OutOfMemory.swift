/// The system refused memory, or has less available than is needed.
package struct OutOfMemory: Error, Equatable, CustomStringConvertible {
    package let bytes: Int
    /// Available bytes, if they were checked before allocating.
    package let available: Int?

    private let what: String

    package init(bytes: Int, available: Int? = nil, for what: String = "the weights") {
        self.bytes = bytes
        self.what = what
        self.available = available
    }

    package var description: String {
        guard let available else { return "out of memory: the system does not give \(bytes) bytes" }
        return "\((bytes + 999_999) / 1_000_000) MB of memory are needed for \(what), and "
            + "\(available / 1_000_000) MB are available"
    }
}
