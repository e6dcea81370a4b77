import Foundation
import Speculate

/// One line of a batch's prompts.
struct BatchPrompt: Decodable {
    let prompt: String
    let id: String?
    let raw: Bool?
    let system: String?

    /// - Throws: `EngineError` naming the file, or its line that is not such an object.
    static func read(_ path: String) throws(EngineError) -> [BatchPrompt] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw EngineError(.fileMissing, "\(path): cannot be read")
        }
        var prompts: [BatchPrompt] = []
        let decoder = JSONDecoder()
        for (number, line) in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty {
            guard let prompt = try? decoder.decode(BatchPrompt.self, from: line) else {
                throw EngineError(
                    .invalidRequest, "\(path), line \(number + 1): expected a JSON object with a \"prompt\" text")
            }
            prompts.append(prompt)
        }
        return prompts
    }
}
