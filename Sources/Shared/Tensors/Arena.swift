#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// One block of zeroed memory, page-aligned, handed out front to back on 64-byte boundaries. Pages that nobody writes
/// cost nothing, so a generous capacity does not.
package final class Arena: @unchecked Sendable {
    private static let alignment = 64

    package let capacity: Int
    private let base: UnsafeMutableRawPointer
    private var used = 0

    /// - Parameter hugePages: ask for large pages: worth it for memory that is read from end to end. All else gets small
    ///   ones, also where the system would give large ones unasked: they would make a cache take memory before its cells
    ///   are written.
    package init(capacity: Int, hugePages: Bool = false) throws(OutOfMemory) {
        self.capacity = max(capacity, 1)
        #if os(Linux)
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        #else
            let flags = MAP_PRIVATE | MAP_ANON
        #endif
        let memory = mmap(nil, self.capacity, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let memory, memory != MAP_FAILED else { throw OutOfMemory(bytes: self.capacity) }
        base = memory
        #if os(Linux)
            madvise(base, self.capacity, hugePages ? 14 /* MADV_HUGEPAGE */ : 15 /* MADV_NOHUGEPAGE */)
        #endif
    }

    /// Gives some of its bytes, and those that share the last page with them, large pages, as far as the system has any:
    /// for memory that is read over and over.
    /// - Parameter isWritten: whether they hold something, which then moves.
    package func useLargePages(_ bytes: Range<Int>, isWritten: Bool) {
        #if os(Linux)
            let (small, large) = (sysconf(Int32(_SC_PAGESIZE)), 2 << 20)
            let first = (UInt(bitPattern: base) + UInt(bytes.lowerBound)) / UInt(small) * UInt(small)
            let end = (UInt(bitPattern: base) + UInt(bytes.upperBound) + UInt(large) - 1) / UInt(large) * UInt(large)
            let start = UnsafeMutableRawPointer(bitPattern: first)!
            let count = Int(min(end, UInt(bitPattern: base) + UInt((capacity + small - 1) / small * small)) - first)
            madvise(start, count, 14 /* MADV_HUGEPAGE */)
            if isWritten { madvise(start, count, 25 /* MADV_COLLAPSE, of Linux 6.1 */) }
        #endif
    }

    deinit { munmap(base, capacity) }

    /// Bytes that an allocation of `bytes` takes.
    package static func size(_ bytes: Int) -> Int { (bytes + alignment - 1) / alignment * alignment }

    package func allocate(bytes: Int) -> UnsafeMutableRawPointer {
        precondition(used + bytes <= capacity, "an arena of \(capacity) bytes is too small")
        defer { used += Self.size(bytes) }
        return base + used
    }

    package func allocate<T: BitwiseCopyable>(_: T.Type = T.self, count: Int) -> UnsafeMutablePointer<T> {
        allocate(bytes: count * MemoryLayout<T>.stride).bindMemory(to: T.self, capacity: count)
    }
}
