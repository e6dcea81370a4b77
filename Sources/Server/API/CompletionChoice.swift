import Speculate

/// One answer, or a part of it.
struct CompletionChoice: Encodable {
    let endpoint: Endpoint
    let isChunk: Bool
    let index: Int
    var text = ""
    /// Whether this is the first chunk, which carries the role.
    var opens = false
    var pieces: [CompletionDelta.Piece]?
    var rounds: [DraftRound]?
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

    private struct Round: Encodable {
        struct Token: Encodable {
            let text: String
            let parent: Int
            let accepted: Bool
        }

        let drafted: [Token]
        let own: String

        init(_ round: DraftRound) {
            drafted = round.drafted.map { Token(text: $0.text, parent: $0.parent, accepted: $0.isAccepted) }
            own = round.own
        }
    }

    private enum Key: CodingKey { case index, text, message, delta, pieces, rounds, logprobs, finishReason }

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
        if let rounds { try container.encode(rounds.map(Round.init), forKey: .rounds) }
        try container.encode(logprobs, forKey: .logprobs)
        try container.encode(finishReason, forKey: .finishReason)
    }
}
