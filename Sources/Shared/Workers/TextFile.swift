/// A small text file of the system, such as those in /proc. An unreadable file has no lines.
struct TextFile {
    let lines: [String]

    init(_ path: String) {
        guard let file = fopen(path, "r") else {
            lines = []
            return
        }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        lines = bytes.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The text after the colon of the first line that starts with `name`.
    func field(_ name: String) -> String? {
        guard let line = lines.first(where: { $0.hasPrefix(name) }), let colon = line.firstIndex(of: ":") else {
            return nil
        }
        return String(line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" })
    }
}
