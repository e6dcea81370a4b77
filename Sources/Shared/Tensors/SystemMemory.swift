/// How much more memory this process may use.
package enum SystemMemory {
    /// Available bytes: what the system has available and can swap out, or less if the process's control groups allow
    /// less. Nil if the system does not tell.
    package static var available: Int? {
        #if os(Linux)
            let meminfo = TextFile("/proc/meminfo")
            let system = ["MemAvailable", "SwapFree"].compactMap { name in
                meminfo.field(name)?.split(separator: " ").first.flatMap { Int($0) }
            }
            let whole = system.count == 2 ? [(system[0] + system[1]) * 1024] : []
            return (whole + controlGroups.compactMap(\.room)).min()
        #else
            return nil
        #endif
    }

    /// - Throws: `OutOfMemory` with both numbers.
    package static func check(needs bytes: Int, for what: String = "the weights") throws(OutOfMemory) {
        if let available, bytes > available { throw OutOfMemory(bytes: bytes, available: available, for: what) }
    }

    /// A folder of the system's that describes a group's memory limits.
    private struct ControlGroup {
        let folder: String
        let limit, usage: String
        /// Counted as used, but reclaimed when needed.
        let reclaimable: [String]

        /// Nil if there is no limit.
        var room: Int? {
            func number(_ name: String) -> Int? { TextFile("\(folder)/\(name)").lines.first.flatMap { Int($0) } }
            guard let limit = number(limit), let usage = number(usage) else { return nil }
            let given = TextFile(folder + "/memory.stat").lines.compactMap { line -> Int? in
                let parts = line.split(separator: " ")
                return parts.count == 2 && reclaimable.contains(String(parts[0])) ? Int(parts[1]) : nil
            }
            return max(limit - usage + given.reduce(0, +), 0)
        }
    }

    /// The groups of this process and their ancestors, in both versions of the interface. In a container the path in
    /// /proc may be the host's; then the root folder is its own group.
    private static var controlGroups: [ControlGroup] {
        TextFile("/proc/self/cgroup").lines.flatMap { line -> [ControlGroup] in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 3 else { return [] }
            let parts = fields[2].split(separator: "/").map(String.init)
            func folders(_ root: String) -> [String] {
                (0...parts.count).map { ([root] + parts[..<$0]).joined(separator: "/") }
            }
            if fields[1].isEmpty {
                return folders("/sys/fs/cgroup").map {
                    ControlGroup(
                        folder: $0, limit: "memory.max", usage: "memory.current",
                        reclaimable: ["active_file", "inactive_file", "slab_reclaimable"])
                }
            }
            guard fields[1].split(separator: ",").contains("memory") else { return [] }
            return folders("/sys/fs/cgroup/memory").map {
                ControlGroup(
                    folder: $0, limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes",
                    reclaimable: ["total_active_file", "total_inactive_file"])
            }
        }
    }
}
