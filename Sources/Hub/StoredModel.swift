import Foundation

/// A model that is here.
package struct StoredModel: Sendable {
    /// `OWNER/NAME:QUANT`, as `-m` takes it; the file's name for one that is of no repository.
    package let name: String
    package let quant: String?
    /// The files' paths, in order. The first is what is loaded.
    package let files: [String]
    package let drafter: String?
    /// Of what is here, the drafter included.
    package let byteCount: Int
    /// When its last file came; nil if none has.
    package let date: Date?
    /// Whether it can be used: else it is a download that was interrupted.
    package let isComplete: Bool
    package let record: FileRecord?

    package var path: String { files[0] }
}
