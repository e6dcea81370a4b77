import Foundation
import SpeculateShared

/// Which file a part is the beginning of, kept beside it.
struct PartRecord: Codable, Equatable {
    /// The hub's ETag.
    let etag: String
    let size: Int
    /// The ETag with which the bytes came, from the hub or from where it redirects to.
    var bodyETag: String?

    static func path(of file: String) -> String { PartFile.path(of: file) + ".json" }

    static func read(of file: String) -> PartRecord? {
        FileManager.default.contents(atPath: path(of: file)).flatMap { try? JSONDecoder().decode(Self.self, from: $0) }
    }

    func write(beside file: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        try AtomicFile.write([UInt8](encoder.encode(self)), to: Self.path(of: file))
    }
}
