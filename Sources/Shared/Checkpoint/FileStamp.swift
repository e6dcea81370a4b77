/// Tells whether a file has been written or replaced since.
package struct FileStamp: Equatable {
    private let device, inode, size, seconds, nanoseconds: Int

    /// nil if there is no such file.
    package init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        (device, inode, size) = (Int(status.st_dev), Int(status.st_ino), Int(status.st_size))
        #if canImport(Darwin)
            let time = status.st_mtimespec
        #else
            let time = status.st_mtim
        #endif
        (seconds, nanoseconds) = (Int(time.tv_sec), Int(time.tv_nsec))
    }
}
