import Foundation
import Speculate
import SpeculateShared

/// The turns of a chat, and what commands do to them.
struct Conversation {
    /// The system's turn, which stays when others are forgotten.
    var system: String?
    /// From the user and the assistant in turn.
    private(set) var turns: [ChatMessage] = []

    init(system: String?) { self.system = system }

    var messages: [ChatMessage] { (system.map { [ChatMessage(role: "system", content: $0)] } ?? []) + turns }

    var isEmpty: Bool { turns.isEmpty }

    mutating func ask(_ question: String) { turns.append(ChatMessage(role: "user", content: question)) }

    mutating func answer(_ text: String) { turns.append(ChatMessage(role: "assistant", content: text)) }

    mutating func reset() { turns = [] }

    /// Takes the answer to the last question back, so that it can be answered again.
    mutating func takeBackAnswer() {
        turns = Array(turns[..<(turns.lastIndex { $0.role == "user" }.map { $0 + 1 } ?? 0)])
    }

    /// Forgets the oldest question with its answer. Returns how many messages these were: none where there is only one
    /// question.
    mutating func forget() -> Int {
        guard let second = turns.indices.dropFirst().first(where: { turns[$0].role == "user" }) else { return 0 }
        turns.removeFirst(second)
        return second
    }

    // MARK: Files

    private struct File: Codable {
        struct Message: Codable {
            let role, content: String
        }
        let messages: [Message]
    }

    /// As OpenAI's clients write messages.
    func save(to path: String) throws(EngineError) {
        let file = File(messages: messages.map { .init(role: $0.role, content: $0.content) })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            try AtomicFile.write(Array(try encoder.encode(file)) + [UInt8(ascii: "\n")], to: path)
        } catch {
            throw EngineError(error, path: path)
        }
    }

    static func load(_ path: String) throws(EngineError) -> Conversation {
        let file: File
        do {
            let source = try ReadableFile(path: path)
            var bytes = [UInt8](repeating: 0, count: source.byteCount)
            try bytes.withUnsafeMutableBytes { try source.read($0, at: 0) }
            file = try JSONDecoder().decode(File.self, from: Data(bytes))
        } catch let error as FileError {
            throw EngineError(error, path: path)
        } catch {
            throw EngineError(.invalidRequest, "'\(path)' is not a conversation, expected JSON as /save writes it")
        }
        var messages = file.messages.map { ChatMessage(role: $0.role, content: $0.content) }
        let system = messages.first?.role == "system" ? messages.removeFirst().content : nil
        for (index, message) in messages.enumerated() {
            let role = index % 2 == 0 ? "user" : "assistant"
            guard message.role == role else {
                throw EngineError(
                    .invalidRequest,
                    "message \(index + 1) in '\(path)' has the role \(excerpt(message.role)), expected '\(role)'")
            }
        }
        var conversation = Conversation(system: system)
        conversation.turns = messages
        return conversation
    }
}
