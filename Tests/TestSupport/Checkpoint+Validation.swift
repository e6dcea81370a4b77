import SpeculateShared

extension Checkpoint {
    /// Checks a buffer as `init` would check a file; for tests that mutate many of them.
    package static func validate(_ bytes: UnsafeRawBufferPointer) throws {
        _ = try parse(
            ByteReader(count: bytes.count) { buffer, offset in
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + buffer.count]))
            })
    }
}
