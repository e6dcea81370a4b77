import Foundation
import SpeculateShared

/// The user's token for the hub. Its description says where it is from, never what it is.
package struct AccessToken: Sendable, CustomStringConvertible, CustomReflectable {
    /// For the `Authorization` header alone.
    let value: String
    private let source: String

    /// The token in `HF_TOKEN`, else in the file that the hub's own tools keep; nil if there is none.
    /// - Throws: `ModelFileError` if it cannot be one, without showing it.
    init?(_ environment: HubEnvironment) throws(ModelFileError) {
        if let token = environment["HF_TOKEN"]?.trimmingCharacters(in: .whitespacesAndNewlines), !token.isEmpty {
            value = token
            source = "HF_TOKEN"
        } else {
            let path =
                environment["HF_TOKEN_PATH"] ?? (environment["HF_HOME"] ?? environment.caches + "/huggingface")
                + "/token"
            guard let file = try? ReadableFile(path: path), file.byteCount <= 4096 else { return nil }
            var bytes = [UInt8](repeating: 0, count: file.byteCount)
            let wasRead: Void? = try? bytes.withUnsafeMutableBytes { try file.read($0, at: 0) }
            let token = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            guard wasRead != nil, !token.isEmpty else { return nil }
            value = token
            source = path
        }
        guard value.utf8.allSatisfy({ (33...126).contains($0) }) else {
            throw ModelFileError(
                .usage, "the token in \(source) has characters that no token has, expected letters, digits and '_'")
        }
    }

    package var description: String { "the token in \(source)" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
