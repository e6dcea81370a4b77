#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What the machine has.
package enum Processor {
    /// Physical cores that this process may run on: two threads of one core count once. At least 1.
    package static var physicalCores: Int {
        #if os(Linux)
            let list = field("Cpus_allowed_list", in: "/proc/self/status") ?? "0"
            let allowed = list.split(separator: ",").flatMap { part in
                let bounds = part.split(separator: "-").compactMap { Int($0) }
                return bounds.isEmpty ? [] : Array(bounds[0]...max(bounds[0], bounds[bounds.count - 1]))
            }
            let siblings = allowed.map { cpu in
                lines("/sys/devices/system/cpu/cpu\(cpu)/topology/thread_siblings_list").first ?? "\(cpu)"
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
            return field("model name", in: "/proc/cpuinfo") ?? "unknown"
        #else
            var name = [UInt8](repeating: 0, count: 256)
            var size = name.count
            sysctlbyname("machdep.cpu.brand_string", &name, &size, nil, 0)
            return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
        #endif
    }

    private static func field(_ name: String, in path: String) -> String? {
        guard let line = lines(path).first(where: { $0.hasPrefix(name) }), let colon = line.firstIndex(of: ":") else {
            return nil
        }
        return String(line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" })
    }

    private static func lines(_ path: String) -> [String] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return bytes.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
    }
}
