import Foundation
import Speculate
import SpeculateShared

/// One line of a batch's prompts.
struct BatchPrompt: Decodable {
    let prompt: String
    let id: String?
    let raw: Bool?
    let system: String?

    /// Of all that its answer hangs on.
    var hash: String { String(FNV1a.hash("\(raw ?? false)\u{0}\(system ?? "")\u{0}\(prompt)"), radix: 16) }

    /// - Throws: `EngineError` naming the file, or its line that is not such an object.
    static func read(_ path: String) throws(EngineError) -> [BatchPrompt] {
        try JSONLines.read(path, as: BatchPrompt.self)
    }
}
