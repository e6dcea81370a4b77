import Foundation
import Speculate

extension FileHandle {
    /// A file to go on writing, made where there is none.
    /// - Throws: `EngineError` saying why it cannot be opened.
    static func output(_ path: String) throws(EngineError) -> FileHandle {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw EngineError(.fileUnreadable, "\(path): \(String(cString: strerror(errno)))")
        }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }
}
