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
        try JSONLines.read(path, as: BatchPrompt.self)
    }
}
