import Speculate

/// One answer, or a part of it.
struct CompletionChoice: Encodable {
    let endpoint: Endpoint
    let isChunk: Bool
    let index: Int
    var text = ""
    /// Whether this is the first chunk, which says who speaks.
    var opens = false
    var pieces: [CompletionDelta.Piece]?
    var logprobs: LogprobsObject?
    var finishReason: String?

    private struct Message: Encodable {
        let role: String?
        let content: String?
    }

    private struct Piece: Encodable {
        let text: String
        let drafted: Bool
    }

    private enum Key: CodingKey { case index, text, message, delta, pieces, logprobs, finishReason }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(index, forKey: .index)
        switch (endpoint, isChunk) {
        case (.text, _): try container.encode(text, forKey: .text)
        case (.chat, false): try container.encode(Message(role: "assistant", content: text), forKey: .message)
        case (.chat, true):
            let content = text.isEmpty && !opens ? nil : text
            try container.encode(Message(role: opens ? "assistant" : nil, content: content), forKey: .delta)
        }
        if let pieces {
            try container.encode(pieces.map { Piece(text: $0.text, drafted: $0.isDrafted) }, forKey: .pieces)
        }
        try container.encode(logprobs, forKey: .logprobs)
        try container.encode(finishReason, forKey: .finishReason)
    }
}
