/// Which file cannot be read or written, and why.
package struct FileError: Error, Equatable, CustomStringConvertible {
    package let path: String
    package let isMissing: Bool
    package let reason: String

    package init(path: String, isMissing: Bool, reason: String) {
        self.path = path
        self.isMissing = isMissing
        self.reason = reason
    }

    package init(path: String, errno code: Int32) {
        self.init(path: path, isMissing: code == ENOENT, reason: String(cString: strerror(code)))
    }

    package var description: String { "\(path): \(reason)" }
}
