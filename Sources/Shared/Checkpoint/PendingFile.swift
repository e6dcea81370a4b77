/// A file that is written piece by piece beside its name and gets it once it is whole; dropped before, it leaves nothing.
package final class PendingFile: Sendable {
    private let path: String
    /// Where it lies until then.
    package let temporary: String
    private nonisolated(unsafe) let file: WritableFile

    /// - Throws: `FileError` naming `path`, also if something other than a file is there.
    package init(path: String) throws(FileError) {
        self.path = path
        (temporary, file) = try AtomicFile.begin(path)
    }

    deinit { discard() }

    /// Writes where the last write ended. One thread at a time.
    package func write(_ bytes: [UInt8]) throws(FileError) {
        do throws(FileError) { try file.write(bytes) } catch { throw named(error) }
    }

    /// Makes what was written readable under `temporary`.
    package func synchronize() throws(FileError) {
        do throws(FileError) { try file.synchronize() } catch { throw named(error) }
    }

    /// Gives the file its name, durably.
    package func commit() throws(FileError) {
        do throws(FileError) {
            try file.synchronize()
            try AtomicFile.move(temporary, to: path)
        } catch {
            throw named(error)
        }
    }

    /// Removes what was written, unless it has its name. Any thread.
    package func discard() { unlink(temporary) }

    private func named(_ error: FileError) -> FileError {
        FileError(path: path, isMissing: error.isMissing, reason: error.reason)
    }
}
