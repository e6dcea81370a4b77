/// The `Link` header (RFC 8288).
enum LinkHeader {
    /// The address with the relation `next`; nil if there is none.
    static func next(_ text: Substring) -> String? {
        var rest = text
        while let open = rest.firstIndex(of: "<"), let close = rest[open...].firstIndex(of: ">") {
            let after = rest[rest.index(after: close)...]
            let parameters = after.prefix { $0 != "<" }
            if parameters.replacing(" ", with: "").replacing("\"", with: "").lowercased().contains("rel=next") {
                return String(rest[rest.index(after: open)..<close])
            }
            rest = after
        }
        return nil
    }
}
