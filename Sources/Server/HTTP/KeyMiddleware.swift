import Crypto
import Hummingbird

/// Admits requests with one of the keys and records which. A comparison's time reveals nothing about the keys except
/// their lengths.
struct KeyMiddleware: RouterMiddleware {
    private let keys: [[UInt8]]
    /// What each key's client is called: by a hash of the key, so that what is kept in files for it is nobody else's when
    /// keys are added or removed.
    private let names: [String]

    init(_ keys: [String]) {
        self.keys = keys.map { Array($0.utf8) }
        names = self.keys.map { key in
            let hash = SHA256.hash(data: key).prefix(8).map { byte in
                let digits = String(byte, radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }
            return "key \(hash.joined())"
        }
    }

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        guard !keys.isEmpty else { return try await next(request, context) }
        let scheme = "bearer "
        guard let header = request.headers[.authorization], header.lowercased().hasPrefix(scheme) else {
            throw refusal("no API key, expected the header 'Authorization: Bearer KEY'")
        }
        let given = Array(header.utf8.dropFirst(scheme.utf8.count))
        var client: Int?
        for (index, key) in keys.enumerated() where Self.areEqual(key, given) { client = index }
        guard let client else { throw refusal("the API key is not one of this server's") }
        var context = context
        if keys.count > 1 { context.client = names[client] }
        return try await next(request, context)
    }

    private func refusal(_ message: String) -> APIError {
        var error = APIError(.unauthorized, message, code: "invalid_api_key")
        error.headers[.wwwAuthenticate] = "Bearer"
        return error
    }

    /// Compares every byte, even after a difference.
    static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
