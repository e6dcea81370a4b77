#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Files appear whole or not at all, and stay when the machine stops: written beside their place under a name that nobody
/// can guess, made durable, then renamed. A link at the place is replaced, not followed.
package enum AtomicFile {
    /// Devices and pipes, which have no beside, are written to as they are.
    package static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
        guard let mode = try mode(at: path) else {
            // A pipe that nobody reads is an error; one that is read slowly is waited for.
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

    /// - Throws: `FileError` when a file could not be written there: worth asking before long work.
    package static func check(_ path: String) throws(FileError) {
        guard let mode = try mode(at: path) else { return }
        let temporary = temporary(beside: path)
        _ = try create(temporary, for: path, mode)
        unlink(temporary)
    }

    /// - Throws: `FileError` naming the file that is wanted, not the temporary one.
    private static func create(_ temporary: String, for path: String, _ mode: mode_t) throws(FileError) -> WritableFile
    {
        do throws(FileError) {
            return try WritableFile(path: temporary, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
        } catch {
            throw FileError(path: path, isMissing: error.isMissing, reason: error.reason)
        }
    }

    /// The permissions that a file there has or gets; nil for a device or a pipe.
    private static func mode(at path: String) throws(FileError) -> mode_t? {
        var status = stat()
        guard stat(path, &status) == 0 else { return 0o666 }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return status.st_mode & 0o777
        case S_IFDIR: throw FileError(path: path, errno: EISDIR)
        default: return nil
        }
    }

    private static func temporary(beside path: String) -> String {
        "\(path).\(String(UInt64.random(in: 0 ... .max), radix: 36)).part"
    }

    /// The new name is part of the folder. Where folders cannot be synchronized the name is as durable as it can be.
    private static func synchronizeFolder(of path: String) {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
