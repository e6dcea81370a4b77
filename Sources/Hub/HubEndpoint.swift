import Foundation
import SpeculateShared

/// Where the hub is, and the addresses of what it has.
package struct HubEndpoint: Sendable, CustomStringConvertible {
    package static let usual = "https://huggingface.co"

    private let address: String
    private let origin: Origin

    /// - Throws: `ModelFileError` if it is not an address of the web.
    package init(_ text: String) throws(ModelFileError) {
        guard let url = URL(string: text), let origin = Origin(url), url.query == nil, url.user == nil,
            url.fragment == nil
        else {
            throw ModelFileError(
                .usage,
                "HF_ENDPOINT is \(excerpt(text)), expected an address such as \(Self.usual) or http://localhost:8000")
        }
        address = text.hasSuffix("/") ? String(text.dropLast()) : text
        self.origin = origin
    }

    package var description: String { address }

    /// The page of a repository, for people.
    func page(_ repository: RepositoryReference) -> String { "\(address)/\(repository.repository)" }

    /// The list of all its files.
    func tree(_ repository: RepositoryReference) -> URL {
        URL(string: "\(address)/api/models/\(repository.repository)/tree/main?recursive=true")!
    }

    /// A file's contents.
    func file(_ path: String, revision: String, in repository: RepositoryReference) -> URL {
        let path = path.split(separator: "/").map { Self.encoded($0) }.joined(separator: "/")
        return URL(string: "\(address)/\(repository.repository)/resolve/\(revision)/\(path)")!
    }

    /// Whether a request may carry the token: to this host and port alone, and never readable by others on the way.
    func mayHaveToken(_ url: URL) -> Bool {
        Origin(url) == origin && (origin.scheme == "https" || origin.isLocal)
    }

    /// RFC 3986's unreserved characters stay.
    private static func encoded(_ text: Substring) -> String {
        text.utf8.map { byte in
            let scalar = UnicodeScalar(byte)
            let stays =
                scalar.isASCII
                && (scalar.properties.isAlphabetic || (48...57).contains(byte) || "-._~".contains(Character(scalar)))
            return stays ? String(scalar) : String(format: "%%%02X", byte)
        }.joined()
    }
}
