import SpeculateShared

/// A lock that one process at a time holds for a path, and that dies with it.
final class FileLock {
    private static let ending = ".lock"

    private let path: String
    private let descriptor: Int32

    private init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    /// The name goes before the lock does, so that nobody locks a file that has none.
    deinit {
        unlink(path)
        close(descriptor)
    }

    /// Waits for the lock.
    /// - Parameter onWaiting: called once if another process holds it.
    static func take(for file: String, onWaiting: () -> Void) async throws -> FileLock {
        var isWaiting = false
        while true {
            if let lock = try attempt(for: file) { return lock }
            if !isWaiting { onWaiting() }
            isWaiting = true
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// nil if another process holds the lock.
    static func attempt(for file: String) throws(FileError) -> FileLock? {
        let path = file + ending
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
            guard descriptor >= 0 else { throw FileError(path: path, errno: errno) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let code = errno
                close(descriptor)
                if code == EWOULDBLOCK { return nil }
                throw FileError(path: path, errno: code)
            }
            // Whoever held it before may have removed the name.
            var (held, named) = (stat(), stat())
            if fstat(descriptor, &held) == 0, stat(path, &named) == 0, held.st_ino == named.st_ino,
                held.st_dev == named.st_dev
            {
                return FileLock(path: path, descriptor: descriptor)
            }
            close(descriptor)
        }
    }
}
