/// A cursor over a file's bytes that checks every read against what is left.
struct ByteReader {
    let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var remaining: Int { bytes.count - offset }

    mutating func take(_ count: UInt64, _ part: @autoclosure () -> String) throws(CheckpointError)
        -> UnsafeRawBufferPointer
    {
        guard count <= UInt64(remaining) else {
            throw .truncated(part(), needs: count, at: offset, of: bytes.count)
        }
        defer { offset += Int(count) }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + Int(count)])
    }

    /// A little-endian number.
    mutating func read<T: BitwiseCopyable>(_ part: @autoclosure () -> String)
        throws(CheckpointError) -> T
    {
        try take(UInt64(MemoryLayout<T>.size), part()).loadUnaligned(as: T.self)
    }

    /// `count` little-endian numbers.
    mutating func read<T: BitwiseCopyable>(_ count: UInt64, _ part: @autoclosure () -> String)
        throws(CheckpointError) -> [T]
    {
        let (size, overflow) = count.multipliedReportingOverflow(by: UInt64(MemoryLayout<T>.stride))
        guard !overflow else { throw .truncated(part(), needs: .max, at: offset, of: bytes.count) }
        let source = try take(size, part())
        return [T](unsafeUninitializedCapacity: Int(count)) { buffer, initialized in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: source)
            initialized = Int(count)
        }
    }

    /// A 64-bit length and that many bytes.
    mutating func readString(_ part: @autoclosure () -> String) throws(CheckpointError) -> UnsafeRawBufferPointer {
        let length: UInt64 = try read(part())
        return try take(length, part())
    }
}
