/// The other origins whose pages may send requests.
enum CrossOrigin: Equatable, Sendable {
    case any
    /// As browsers send it: in lower case, without the scheme's default port.
    case one(String)

    static let expected = "'*' or scheme://host[:port] without a path, such as https://example.com"

    private static let usualPorts = ["http": 80, "https": 443]

    /// nil for text that no browser sends as an origin and that would thus never match.
    init?(_ text: String) {
        if text == "*" {
            self = .any
            return
        }
        let text = text.lowercased()
        guard let separator = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<separator.lowerBound]
        guard scheme.first?.isLetter ?? false, Self.hasOnly("+-.", scheme) else { return nil }
        var host = text[separator.upperBound...]
        // The last colon, unless it is inside the brackets of an IPv6 address.
        if let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") {
            let digits = host[host.index(after: colon)...]
            guard let port = UInt16(digits), String(port) == digits, port > 0 else { return nil }
            host = host[..<colon]
            self = .one("\(scheme)://\(host)" + (Self.usualPorts[String(scheme)] == Int(port) ? "" : ":\(port)"))
        } else {
            self = .one(text)
        }
        let isAddress = host.hasPrefix("[") && host.hasSuffix("]") && host.count > 2
        guard isAddress ? Self.hasOnly(":.", host.dropFirst().dropLast()) : !host.isEmpty && Self.hasOnly("-._", host)
        else { return nil }
    }

    private static func hasOnly(_ marks: String, _ text: Substring) -> Bool {
        text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || marks.contains($0) }
    }

    /// - Parameter origin: what a browser sent.
    func admits(_ origin: String) -> Bool {
        switch self {
        case .any: true
        case .one(let own): own == origin
        }
    }
}
