#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The memory that this process may still take.
package enum SystemMemory {
    /// Bytes that can be had without swapping: what the system has available, or less where the process's control groups
    /// allow less. Nil where the system does not tell.
    package static var available: Int? {
        #if os(Linux)
            guard let kilobytes = TextFile("/proc/meminfo").field("MemAvailable")?.split(separator: " ").first,
                let system = Int(kilobytes)
            else { return nil }
            return ([system * 1024] + controlGroups.compactMap(room)).min()
        #else
            return nil
        #endif
    }

    /// - Throws: `OutOfMemory` with both numbers.
    package static func check(needs bytes: Int) throws(OutOfMemory) {
        if let available, bytes > available { throw OutOfMemory(bytes: bytes, available: available) }
    }

    /// The folders of this process's control group and of those above it (version 2 of the interface).
    private static var controlGroups: [String] {
        guard let line = TextFile("/proc/self/cgroup").lines.first(where: { $0.hasPrefix("0::/") }) else { return [] }
        let parts = line.dropFirst(4).split(separator: "/")
        return (0...parts.count).map { (["/sys/fs/cgroup"] + parts[..<$0].map(String.init)).joined(separator: "/") }
    }

    /// What a group may still take. Pages of files count as taken, but are given back when they are needed.
    private static func room(_ group: String) -> Int? {
        guard let limit = TextFile(group + "/memory.max").lines.first.flatMap({ Int($0) }),
            let current = TextFile(group + "/memory.current").lines.first.flatMap({ Int($0) })
        else { return nil }
        let cached = TextFile(group + "/memory.stat").lines.filter {
            $0.hasPrefix("active_file ") || $0.hasPrefix("inactive_file ")
        }.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
        return max(limit - current + cached.reduce(0, +), 0)
    }
}
