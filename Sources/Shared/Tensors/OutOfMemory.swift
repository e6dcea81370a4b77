/// The system gives no more memory, or has less available than is needed.
package struct OutOfMemory: Error, Equatable, CustomStringConvertible {
    package let bytes: Int
    /// Bytes that there are, where that was asked before any was taken.
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
