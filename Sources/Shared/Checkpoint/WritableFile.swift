/// A file open for writing: every file that this program writes goes through it.
package final class WritableFile {
    package let path: String
    private let descriptor: Int32

    package init(path: String, flags: Int32, mode: mode_t = 0) throws(FileError) {
        self.path = path
        descriptor = open(path, flags | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw FileError(path: path, errno: errno) }
    }

    /// Opens a file to continue writing it, creating it if it does not exist, and locks it against other processes
    /// until closed.
    /// - Throws: `FileError`, also if it is not a regular file or another process holds the lock.
    package convenience init(continuing path: String) throws(FileError) {
        try self.init(path: path, flags: O_RDWR | O_CREAT | O_NONBLOCK, mode: 0o666)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError(path: path, errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FileError(path: path, isMissing: false, reason: "is not a regular file")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw errno == EWOULDBLOCK
                ? FileError(path: path, isMissing: false, reason: "is being written by another run")
                : FileError(path: path, errno: errno)
        }
    }

    deinit { close(descriptor) }

    func setBlocking() { _ = fcntl(descriptor, F_SETFL, 0) }

    package func byteCount() throws(FileError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError(path: path, errno: errno) }
        return Int(status.st_size)
    }

    package func readAll() throws(FileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: try byteCount())
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress! + filled, $0.count - filled, off_t(filled))
            }
            if count == 0 { break }
            if count > 0 { filled += count } else if errno != EINTR { throw FileError(path: path, errno: errno) }
        }
        return Array(bytes[..<filled])
    }

    package func truncate(to length: Int) throws(FileError) {
        guard ftruncate(descriptor, off_t(length)) == 0 else { throw FileError(path: path, errno: errno) }
    }

    /// Writes all of the bytes at `offset`, or where the last write ended.
    package func write(_ bytes: [UInt8], at offset: Int? = nil) throws(FileError) {
        if let offset, lseek(descriptor, off_t(offset), SEEK_SET) < 0 { throw FileError(path: path, errno: errno) }
        let failure: Int32 = bytes.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = Self.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
                if count >= 0 { written += count } else if errno != EINTR { return errno }
            }
            return 0
        }
        if failure != 0 { throw FileError(path: path, errno: failure) }
    }

    /// Returns once everything written would survive a crash of the machine.
    package func synchronize() throws(FileError) {
        guard fsync(descriptor) == 0 else { throw FileError(path: path, errno: errno) }
    }

    private static func write(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, bytes, count)
        #elseif canImport(Musl)
            Musl.write(descriptor, bytes, count)
        #else
            Darwin.write(descriptor, bytes, count)
        #endif
    }
}
