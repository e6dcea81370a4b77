/// The machine's processor.
package enum Processor {
    /// Physical cores that this process may run on: two threads of a core count once. At least 1.
    package static var physicalCores: Int {
        #if os(Linux)
            let list = TextFile("/proc/self/status").field("Cpus_allowed_list") ?? "0"
            let allowed = list.split(separator: ",").flatMap { part in
                let bounds = part.split(separator: "-").compactMap { Int($0) }
                return bounds.isEmpty ? [] : Array(bounds[0]...max(bounds[0], bounds[bounds.count - 1]))
            }
            let siblings = allowed.map { cpu in
                TextFile("/sys/devices/system/cpu/cpu\(cpu)/topology/thread_siblings_list").lines.first ?? "\(cpu)"
            }
            return max(Set(siblings).count, 1)
        #else
            var count = Int32(0)
            var size = MemoryLayout<Int32>.size
            return sysctlbyname("hw.perflevel0.physicalcpu", &count, &size, nil, 0) == 0 && count > 0 ? Int(count) : 1
        #endif
    }

    /// The processor's name, for reports.
    package static var name: String {
        #if os(Linux)
            return TextFile("/proc/cpuinfo").field("model name") ?? "unknown"
        #else
            var name = [UInt8](repeating: 0, count: 256)
            var size = name.count
            sysctlbyname("machdep.cpu.brand_string", &name, &size, nil, 0)
            return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
        #endif
    }
}
