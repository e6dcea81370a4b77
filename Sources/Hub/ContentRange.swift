/// The `Content-Range` header of bytes (RFC 9110, section 14.4).
struct ContentRange: Equatable {
    let first: Int
    /// nil if the server does not know.
    let total: Int?

    init(first: Int, total: Int?) {
        self.first = first
        self.total = total
    }

    /// nil if it is not such a header.
    init?(_ text: String) {
        guard text.lowercased().hasPrefix("bytes ") else { return nil }
        let halves = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, let first = halves[0].split(separator: "-").first.flatMap({ Int($0) }), first >= 0
        else {
            return nil
        }
        self.first = first
        guard halves[1] != "*" else {
            total = nil
            return
        }
        guard let total = Int(halves[1]) else { return nil }
        self.total = total
    }
}
