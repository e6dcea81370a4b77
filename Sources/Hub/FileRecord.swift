import Foundation
import SpeculateShared

/// What is known of a fetched file, kept beside it as `FILE.json`.
package struct FileRecord: Codable, Equatable, Sendable {
    package let repository: String
    /// The commit that it was fetched from.
    package let revision: String
    package let etag: String
    package let sha256: String
    package let size: Int

    init(_ remote: RemoteFile, sha256: String) {
        repository = remote.repository.repository
        revision = remote.revision
        etag = remote.etag
        size = remote.byteCount
        self.sha256 = sha256
    }

    static func path(of file: String) -> String { file + ".json" }

    /// nil if there is none, or it cannot be read.
    static func read(of file: String) -> FileRecord? {
        FileManager.default.contents(atPath: path(of: file)).flatMap { try? JSONDecoder().decode(Self.self, from: $0) }
    }

    func write(beside file: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        try AtomicFile.write([UInt8](encoder.encode(self)) + [10], to: Self.path(of: file))
    }
}
