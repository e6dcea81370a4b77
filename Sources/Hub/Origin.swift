import Foundation

/// Scheme, host and port of an address: who is spoken to.
struct Origin: Equatable, Sendable, CustomStringConvertible {
    let scheme: String
    let host: String
    let port: Int

    /// nil if it is not an address of the web.
    init?(_ url: URL) {
        guard let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme), let host = url.host,
            !host.isEmpty
        else { return nil }
        self.scheme = scheme
        self.host = host.lowercased()
        port = url.port ?? (scheme == "https" ? 443 : 80)
    }

    var isLocal: Bool { ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host) }

    var description: String {
        let usual = scheme == "https" ? 443 : 80
        return "\(scheme)://\(host)\(port == usual ? "" : ":\(port)")"
    }
}
