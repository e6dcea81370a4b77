import Foundation
import Speculate
import SpeculateShared

/// The turns of a chat, and how commands change them.
struct Conversation {
    /// The system turn, which stays when others are dropped.
    var system: String?
    /// User and assistant, alternating.
    private(set) var turns: [ChatMessage] = []

    init(system: String?) { self.system = system }

    var messages: [ChatMessage] { (system.map { [ChatMessage(role: .system, content: $0)] } ?? []) + turns }

    var isEmpty: Bool { turns.isEmpty }

    mutating func ask(_ question: String) { turns.append(ChatMessage(role: .user, content: question)) }

    mutating func answer(_ text: String) { turns.append(ChatMessage(role: .assistant, content: text)) }

    mutating func reset() { turns = [] }

    /// Removes the answer to the last question, so that it can be answered again.
    mutating func takeBackAnswer() {
        turns = Array(turns[..<(turns.lastIndex { $0.role == .user }.map { $0 + 1 } ?? 0)])
    }

    /// Drops the oldest question and its answer. Returns the number of messages dropped: 0 if there is only one
    /// question.
    mutating func forget() -> Int {
        guard let second = turns.indices.dropFirst().first(where: { turns[$0].role == .user }) else { return 0 }
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

    /// Writes the messages in OpenAI's format.
    func save(to path: String) throws(EngineError) {
        let file = File(messages: messages.map { .init(role: $0.role.rawValue, content: $0.content) })
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
        var messages = file.messages
        let isSystem = messages.first.map { $0.role == ChatMessage.Role.system.rawValue } ?? false
        var conversation = Conversation(system: isSystem ? messages.removeFirst().content : nil)
        for (index, message) in messages.enumerated() {
            let role = index % 2 == 0 ? ChatMessage.Role.user : .assistant
            guard message.role == role.rawValue else {
                throw EngineError(
                    .invalidRequest,
                    "message \(index + 1) in '\(path)' has the role \(excerpt(message.role)), expected '\(role.rawValue)'"
                )
            }
            conversation.turns.append(ChatMessage(role: role, content: message.content))
        }
        return conversation
    }
}
