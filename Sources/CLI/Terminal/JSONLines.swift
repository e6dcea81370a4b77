import Foundation
import Speculate

/// Files with one JSON object per line.
enum JSONLines {
    /// - Throws: `EngineError` naming the file, or the line that is not such an object.
    static func read<T: Decodable>(_ path: String, as _: T.Type) throws(EngineError) -> [T] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw EngineError(.fileMissing, "\(path): cannot be read")
        }
        var items: [T] = []
        let decoder = JSONDecoder()
        for (number, line) in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty {
            guard let item = try? decoder.decode(T.self, from: line) else {
                throw EngineError(
                    .invalidRequest, "\(path), line \(number + 1): expected a JSON object with a \"prompt\" text")
            }
            items.append(item)
        }
        return items
    }
}
