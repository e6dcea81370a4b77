/// How a conversation is formatted for the model. A checkpoint carries a Jinja template; the formats known here are
/// recognised by their markers. Any other is an error, but only for requests that need a chat.
package struct ChatTemplate: Equatable, Sendable {
    /// A piece of a rendered conversation. Only `control` can become control tokens: user input never does.
    package enum Part: Equatable, Sendable {
        case control(String)
        case text(String)
    }

    package let format: ChatFormat
    /// The system turn that the checkpoint's template adds to a conversation without one.
    package let defaultSystemPrompt: String?

    package init(format: ChatFormat, defaultSystemPrompt: String? = nil) {
        self.format = format
        self.defaultSystemPrompt = defaultSystemPrompt
    }

    /// - Parameter source: the checkpoint's Jinja template.
    package init?(recognizing source: String) {
        if source.contains("<|im_start|>") {
            self.init(format: .chatml, defaultSystemPrompt: Self.literalSystemPrompt(in: source))
        } else if source.contains("<|start_header_id|>") {
            self.init(format: .llama3)
        } else {
            return nil
        }
    }

    /// The text between the markers of a system turn, if the template has it as a single string literal.
    private static func literalSystemPrompt(in source: String) -> String? {
        for opening in ["<|im_start|>system\n", "<|im_start|>system\\n"] {
            guard let start = source.firstRange(of: opening)?.upperBound,
                let end = source[start...].firstRange(of: "<|im_end|>")?.lowerBound
            else { continue }
            let text = source[start..<end]
            if !text.isEmpty, !text.contains("'"), !text.contains("{") { return String(text) }
        }
        return nil
    }

    /// The conversation, up to where the assistant continues: in a new turn, or in one that it has begun.
    /// - Parameter opensAnswer: false closes every turn instead, and opens none.
    package func render(_ messages: [ChatMessage], opensAnswer: Bool = true) -> [Part] {
        var turns = messages
        if let defaultSystemPrompt, turns.first?.role != .system {
            turns.insert(ChatMessage(role: .system, content: defaultSystemPrompt), at: 0)
        }
        let begun = opensAnswer && turns.last?.role == .assistant ? turns.removeLast().content : ""
        var parts: [Part] = []
        for turn in turns {
            parts += opening(turn.role, followedBy: turn.content)
            switch format {
            case .chatml: parts += [.control("<|im_end|>"), .text("\n")]
            case .llama3: parts.append(.control("<|eot_id|>"))
            }
        }
        return opensAnswer ? parts + opening(.assistant, followedBy: begun) : parts
    }

    private func opening(_ role: ChatMessage.Role, followedBy content: String) -> [Part] {
        switch format {
        case .chatml: [.control("<|im_start|>"), .text("\(role.rawValue)\n\(content)")]
        case .llama3:
            [
                .control("<|start_header_id|>"), .text(role.rawValue), .control("<|end_header_id|>"),
                .text("\n\n\(content)"),
            ]
        }
    }
}
