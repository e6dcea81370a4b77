import SpeculateShared

/// The beginning of a file that is being fetched: `FILE.part`, hashed as it grows.
final class PartFile {
    static let ending = ".part"

    /// The whole file's path.
    private let target: String
    private let remote: RemoteFile
    private let file: WritableFile
    private var digest: RunningDigest
    private var record: PartRecord
    /// Bytes that are here.
    private(set) var count = 0

    static func path(of file: String) -> String { file + ending }

    /// Opens the part, empty unless it is the beginning of this very file. Hold the file's lock.
    init(of target: String, _ remote: RemoteFile, onChecking: () -> Void) throws {
        self.target = target
        self.remote = remote
        file = try WritableFile(path: Self.path(of: target), flags: O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o666)
        digest = RunningDigest(for: remote.digest, byteCount: remote.byteCount)
        record = PartRecord(etag: remote.etag, size: remote.byteCount)
        let size = try file.byteCount()
        if let before = PartRecord.read(of: target), before.etag == record.etag, before.size == record.size,
            size > 0, size <= record.size
        {
            record = before
            onChecking()
            try digest.update(with: ReadableFile(path: Self.path(of: target)), count: size)
            count = size
            try file.write([], at: count)
        } else {
            try restart()
        }
    }

    var isWhole: Bool { count == remote.byteCount }

    /// What a server needs to send the rest only if the bytes are still the same; nil if it gave no ETag.
    var bodyETag: String? { record.bodyETag }

    /// Throws away what is here.
    func restart() throws {
        try file.truncate(to: 0)
        try file.write([], at: 0)
        digest = RunningDigest(for: remote.digest, byteCount: remote.byteCount)
        count = 0
        record.bodyETag = nil
        try record.write(beside: target)
    }

    func setBodyETag(_ etag: String?) throws {
        guard let etag, etag != record.bodyETag else { return }
        record.bodyETag = etag
        try record.write(beside: target)
    }

    func append(_ bytes: [UInt8]) throws {
        try file.write(bytes)
        digest.update(bytes)
        count += bytes.count
    }

    /// Deletes it.
    func remove() {
        unlink(Self.path(of: target))
        unlink(PartRecord.path(of: target))
    }

    /// Checks the bytes and makes them the file.
    /// - Throws: `ModelFileError` if they are not the hub's; then the part is deleted.
    func finish() throws -> FileRecord {
        if let mismatch = digest.mismatch(with: remote.digest) {
            remove()
            throw ModelFileError(
                .badFile,
                "'\(remote.file.path)' of \(remote.repository.repository) \(mismatch); what came is deleted, try again")
        }
        try file.synchronize()
        // Between the two there is no record, which says nothing wrong.
        unlink(FileRecord.path(of: target))
        try AtomicFile.move(Self.path(of: target), to: target)
        let found = FileRecord(remote, sha256: digest.sha256Hex)
        try found.write(beside: target)
        unlink(PartRecord.path(of: target))
        return found
    }
}
