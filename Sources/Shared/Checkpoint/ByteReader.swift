/// A cursor over a file's bytes that bounds-checks every read. Keeps one window of the file in memory.
package struct ByteReader {
    /// Fills a buffer with the file's bytes starting at an offset.
    package typealias Source = (UnsafeMutableRawBufferPointer, _ offset: Int) throws(FileError) -> Void

    private static let windowBytes = 1 << 20

    /// Bytes in the whole file.
    let count: Int
    private(set) var offset = 0
    private let source: Source
    private var window: [UInt8] = []
    /// The window's offset in the file.
    private var start = 0

    package init(count: Int, _ source: @escaping Source) {
        self.count = count
        self.source = source
    }

    var remaining: Int { count - offset }

    /// Calls `body` with the next `length` bytes and advances past them.
    private mutating func take<R>(
        _ length: UInt64, _ part: @autoclosure () -> String, _ body: (UnsafeRawBufferPointer) -> R
    ) throws(CheckpointError) -> R {
        guard length <= UInt64(remaining) else { throw .truncated(part(), needs: length, at: offset, of: count) }
        let length = Int(length)
        if offset < start || offset + length > start + window.count { try move(toHold: length, part()) }
        defer { offset += length }
        return window.withUnsafeBytes {
            body(UnsafeRawBufferPointer(rebasing: $0[offset - start..<offset - start + length]))
        }
    }

    private mutating func move(toHold length: Int, _ part: @autoclosure () -> String) throws(CheckpointError) {
        let size = min(max(length, Self.windowBytes), remaining)
        if window.count != size { window = [UInt8](repeating: 0, count: size) }
        start = offset
        let failure: FileError? = window.withUnsafeMutableBytes { buffer in
            do throws(FileError) {
                try source(buffer, start)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw CheckpointError("\(part()) cannot be read: the file \(failure.reason)") }
    }

    /// Reads a little-endian number.
    mutating func read<T: BitwiseCopyable>(_ part: @autoclosure () -> String) throws(CheckpointError) -> T {
        try take(UInt64(MemoryLayout<T>.size), part()) { $0.loadUnaligned(as: T.self) }
    }

    /// Reads `count` little-endian numbers.
    mutating func read<T: BitwiseCopyable>(_ count: UInt64, _ part: @autoclosure () -> String)
        throws(CheckpointError) -> [T]
    {
        let (size, overflow) = count.multipliedReportingOverflow(by: UInt64(MemoryLayout<T>.stride))
        guard !overflow else { throw .truncated(part(), needs: .max, at: offset, of: self.count) }
        return try take(size, part()) { source in
            [T](unsafeUninitializedCapacity: Int(count)) { buffer, initialized in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: source)
                initialized = Int(count)
            }
        }
    }

    /// Reads a 64-bit length and that many bytes.
    mutating func readString<R>(
        _ part: @autoclosure () -> String, _ body: (UnsafeRawBufferPointer) -> R
    ) throws(CheckpointError) -> R {
        let length: UInt64 = try read(part())
        return try take(length, part(), body)
    }
}
