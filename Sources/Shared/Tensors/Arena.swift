import CKernels

/// Zeroed, page-aligned memory, handed out front to back on 64-byte boundaries. Untouched pages cost nothing, so a
/// generous capacity is free.
package final class Arena: @unchecked Sendable {
    private static let alignment = 64

    package let capacity: Int
    private let base: UnsafeMutableRawPointer
    private var used = 0

    private let isMeasuring: Bool

    /// - Parameter hugePages: ask for large pages: worth it for memory that is read from end to end. All other memory gets
    ///   small ones, even where the system would give large ones unasked: a cache would take memory before its cells are
    ///   written.
    package init(capacity: Int, hugePages: Bool = false) throws(OutOfMemory) {
        self.capacity = max(capacity, 1)
        isMeasuring = false
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

    /// Hands out addresses without memory behind them, to learn how much is needed.
    private init() {
        capacity = .max
        isMeasuring = true
        base = UnsafeMutableRawPointer(bitPattern: Self.alignment)!
    }

    /// What `layout` allocates, in an arena of just that size. `layout` runs twice, first to measure, and must not touch the
    /// memory that it is given.
    package static func fitting<Contents>(_ layout: (Arena) -> Contents) throws(OutOfMemory) -> Contents {
        let measure = Arena()
        _ = layout(measure)
        return layout(try Arena(capacity: measure.used))
    }

    /// Gives large pages, as far as the system has any, to some of its bytes and whatever shares the last page with
    /// them: for memory that is read over and over.
    /// - Parameter isWritten: whether they have contents, which are then moved.
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

    deinit { if !isMeasuring { munmap(base, capacity) } }

    /// Bytes that an allocation of `bytes` occupies.
    package static func size(_ bytes: Int) -> Int { (bytes + alignment - 1) / alignment * alignment }

    package func allocate(bytes: Int) -> UnsafeMutableRawPointer {
        precondition(used + bytes <= capacity, "an arena of \(capacity) bytes is too small")
        defer { used += Self.size(bytes) }
        return base + used
    }

    package func allocate<T: BitwiseCopyable>(_: T.Type = T.self, count: Int) -> UnsafeMutablePointer<T> {
        allocate(bytes: count * MemoryLayout<T>.stride).bindMemory(to: T.self, capacity: count)
    }

    /// Activations [rows, inputs] for matrices whose types are the bits of `readers`.
    package func activations(rows: Int, inputs: Int, readers: UInt64) -> spk_activations {
        let bytes = spk_activations_bytes(Int32(rows), Int32(inputs))
        return spk_activations_in(allocate(bytes: bytes), Int32(rows), Int32(inputs), readers)
    }
}
