/// What a file's bytes must hash to.
enum ExpectedDigest: Equatable, Sendable {
    case sha256(String)
    /// SHA-1 over git's header and the bytes: for small files, which the hub keeps in git itself.
    case gitBlob(String)

    var hex: String {
        switch self {
        case .sha256(let hex), .gitBlob(let hex): hex
        }
    }

    /// The digest that an ETag or an object's id is; nil if it is none.
    init?(_ text: String) {
        var hex = text[...]
        if hex.hasPrefix("W/") { hex = hex.dropFirst(2) }
        if hex.hasPrefix("\"") && hex.hasSuffix("\"") && hex.count > 1 { hex = hex.dropFirst().dropLast() }
        if hex.hasPrefix("sha256:") { hex = hex.dropFirst(7) }
        guard hex.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else { return nil }
        switch hex.utf8.count {
        case 64: self = .sha256(String(hex))
        case 40: self = .gitBlob(String(hex))
        default: return nil
        }
    }
}
