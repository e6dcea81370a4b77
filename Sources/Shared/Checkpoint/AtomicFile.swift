/// Writes files so that they appear whole or not at all and survive a crash of the machine: written to an unguessable
/// name in the same folder, synced, then renamed. A link at the path is replaced, not followed.
package enum AtomicFile {
    /// Writes a file atomically; devices and pipes are written in place.
    /// - Parameter isPrivate: whether a new file is for the user alone.
    package static func write(_ bytes: [UInt8], to path: String, isPrivate: Bool = false) throws(FileError) {
        guard let mode = try mode(at: path, new: isPrivate ? 0o600 : 0o666) else {
            // Fails on a pipe without a reader, but waits for a slow one.
            let file = try WritableFile(path: path, flags: O_WRONLY | O_NONBLOCK)
            file.setBlocking()
            return try file.write(bytes)
        }
        let temporary = temporary(beside: path)
        let file = try create(temporary, for: path, mode)
        do throws(FileError) {
            try file.write(bytes)
            try file.synchronize()
            guard rename(temporary, path) == 0 else { throw FileError(path: path, errno: errno) }
        } catch {
            unlink(temporary)
            throw FileError(path: path, isMissing: error.isMissing, reason: error.reason)
        }
        synchronizeFolder(of: path)
    }

    /// Opens a file beside `path`, to be written and moved there.
    static func begin(_ path: String) throws(FileError) -> (temporary: String, file: WritableFile) {
        guard let mode = try mode(at: path) else {
            throw FileError(path: path, isMissing: false, reason: "is not a regular file")
        }
        let temporary = temporary(beside: path)
        return (temporary, try create(temporary, for: path, mode))
    }

    /// Gives a file that is written and synced its name, durably. A file of that name is replaced.
    package static func move(_ source: String, to path: String) throws(FileError) {
        guard rename(source, path) == 0 else { throw FileError(path: path, errno: errno) }
        synchronizeFolder(of: path)
    }

    /// Checks that a file could be written there, before long work.
    /// - Throws: `FileError` if not.
    package static func check(_ path: String) throws(FileError) {
        guard let mode = try mode(at: path) else { return }
        let temporary = temporary(beside: path)
        _ = try create(temporary, for: path, mode)
        unlink(temporary)
    }

    /// - Throws: `FileError` naming the requested file, not the temporary one.
    private static func create(_ temporary: String, for path: String, _ mode: mode_t) throws(FileError) -> WritableFile
    {
        do throws(FileError) {
            return try WritableFile(path: temporary, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
        } catch {
            throw FileError(path: path, isMissing: error.isMissing, reason: error.reason)
        }
    }

    /// The permissions that a file at `path` has or would get; nil for a device or a pipe.
    private static func mode(at path: String, new: mode_t = 0o666) throws(FileError) -> mode_t? {
        var status = stat()
        guard stat(path, &status) == 0 else { return new }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return status.st_mode & 0o777
        case S_IFDIR: throw FileError(path: path, errno: EISDIR)
        default: return nil
        }
    }

    private static func temporary(beside path: String) -> String {
        "\(path).\(String(UInt64.random(in: 0 ... .max), radix: 36)).part"
    }

    /// Makes the new name durable: it is part of the folder. Best effort, since not every system can sync folders.
    private static func synchronizeFolder(of path: String) {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
