/// A regular file, read by position. Not memory-mapped: if another program truncates a mapped file, the reader is
/// killed by a signal; here it gets an error. Any thread may read.
package final class ReadableFile: Sendable {
    package let path: String
    package let byteCount: Int
    private let descriptor: Int32

    /// - Throws: `FileError` naming the path if it cannot be opened, is not a regular file, or is empty.
    package init(path: String) throws(FileError) {
        self.path = path
        // Without O_NONBLOCK, opening a pipe without a writer would block.
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileError(path: path, errno: errno) }
        var status = stat()
        let failure = fstat(descriptor, &status) == 0 ? 0 : errno
        byteCount = Int(status.st_size)
        // From here on a throw runs `deinit`, which closes the file. Closing it here too could close somebody else's
        // descriptor.
        guard failure == 0 else { throw FileError(path: path, errno: failure) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FileError(path: path, isMissing: false, reason: "is not a regular file")
        }
        guard byteCount > 0 else { throw FileError(path: path, isMissing: false, reason: "is empty") }
    }

    deinit { close(descriptor) }

    /// Fills `buffer` with the bytes starting at `offset`.
    /// - Throws: `FileError` if the file cannot be read or has shrunk.
    package func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) {
        var filled = 0
        while filled < buffer.count {
            let count = pread(descriptor, buffer.baseAddress! + filled, buffer.count - filled, off_t(offset + filled))
            if count > 0 {
                filled += count
            } else if count == 0 {
                throw FileError(
                    path: path, isMissing: false,
                    reason: "ends at byte \(offset + filled), expected \(byteCount) bytes: it was cut while being read")
            } else if errno != EINTR {
                throw FileError(path: path, errno: errno)
            }
        }
    }
}
