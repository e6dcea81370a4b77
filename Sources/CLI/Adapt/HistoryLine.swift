import Foundation
import Speculate
import SpeculateAdaptation

/// One line of past answers: `batch`'s results with their token ids, a prompt with its answer, or a chat.
struct HistoryLine: Decodable {
    private struct Turn: Decodable {
        let role: String
        let content: String?
    }

    private let prompt: String?
    private let system: String?
    private let raw: Bool?
    private let text: String?
    private let promptIds: [Int32]?
    private let tokens: [Int32]?
    private let messages: [Turn]?
    private let error: String?

    private enum CodingKeys: String, CodingKey {
        case prompt, system, raw, text, tokens, messages, error
        case promptIds = "prompt_ids"
    }

    /// What is learnt from: none for a failure, several where a chat has several answers; nil if the line has no form of
    /// those known.
    private var texts: [AdaptationText]? {
        if error != nil { return [] }
        if let promptIds, let tokens { return [.answered(.tokens(promptIds), .tokens(tokens))] }
        if let prompt, let text {
            let turns = [ChatMessage].opening(system: system) + [ChatMessage(role: .user, content: prompt)]
            return [.answered(raw == true ? .text(prompt) : .chat(turns), .text(text))]
        }
        guard let messages else { return nil }
        var turns: [ChatMessage] = []
        var answers: [AdaptationText] = []
        for turn in messages {
            guard let role = ChatMessage.Role(rawValue: turn.role), let content = turn.content else { return nil }
            if role == .assistant, !turns.isEmpty { answers.append(.answered(.chat(turns), .text(content))) }
            turns.append(ChatMessage(role: role, content: content))
        }
        return answers
    }

    /// - Throws: `EngineError` naming the file, or the line that has no form of those known.
    static func read(_ path: String) throws(EngineError) -> [AdaptationText] {
        var texts: [AdaptationText] = []
        for (number, line) in try JSONLines.numbered(path) {
            guard let read = (try? JSONDecoder().decode(HistoryLine.self, from: line))?.texts else {
                throw EngineError(
                    .invalidRequest,
                    "\(path), line \(number): expected a JSON object with \"prompt_ids\" and \"tokens\", \"prompt\" and "
                        + "\"text\", or \"messages\" of which each has \"role\" and \"content\"")
            }
            texts += read
        }
        return texts
    }
}
