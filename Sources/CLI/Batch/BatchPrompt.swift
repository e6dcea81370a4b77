import Foundation
import Speculate
import SpeculateShared

/// One line of a batch's prompts.
struct BatchPrompt: Decodable {
    let prompt: String
    let id: String?
    let raw: Bool?
    let system: String?

    /// A hash of everything in the line that its answer depends on.
    var hash: String { String(FNV1a.hash("\(raw ?? false)\u{0}\(system ?? "")\u{0}\(prompt)"), radix: 16) }

    /// What is completed.
    var conversation: CompletionRequest.Prompt {
        raw == true
            ? .text(prompt) : .chat(.opening(system: system) + [ChatMessage(role: .user, content: prompt)])
    }

    /// - Throws: `EngineError` naming the file, or the line that is not such an object.
    static func read(_ path: String) throws(EngineError) -> [BatchPrompt] {
        try JSONLines.read(path, as: BatchPrompt.self)
    }
}
