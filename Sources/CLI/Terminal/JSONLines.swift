import Foundation
import Speculate

/// Files with one JSON object per line.
enum JSONLines {
    /// - Throws: `EngineError` naming the file, or the line that is not such an object.
    static func read<T: Decodable>(_ path: String, as _: T.Type) throws(EngineError) -> [T] {
        var items: [T] = []
        let decoder = JSONDecoder()
        for (number, line) in try numbered(path) {
            guard let item = try? decoder.decode(T.self, from: line) else {
                throw EngineError(
                    .invalidRequest,
                    "\(path), line \(number): expected a JSON object with a \"prompt\" text, and other fields as the help has them"
                )
            }
            items.append(item)
        }
        return items
    }

    /// The lines that are not empty, with their numbers.
    /// - Throws: `EngineError` naming the file.
    static func numbered(_ path: String) throws(EngineError) -> [(number: Int, line: Data)] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw EngineError(.fileMissing, "\(path): cannot be read")
        }
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        return lines.filter { !$1.isEmpty }.map { ($0 + 1, $1) }
    }
}
