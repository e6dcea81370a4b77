/// How a conversation is written for the model. A checkpoint carries a Jinja program; the formats known here are told
/// by their markers, and any other is an error for the one who asks for a chat.
package struct ChatTemplate: Equatable, Sendable {
    package enum Format: String, Sendable, CaseIterable {
        case chatml
        case llama3 = "llama-3"
    }

    /// A piece of a rendered conversation. Only `control` may become control tokens: what people type never does.
    package enum Part: Equatable, Sendable {
        case control(String)
        case text(String)
    }

    package let format: Format
    /// The system turn that the checkpoint's template writes when the conversation has none.
    package let defaultSystemPrompt: String?

    package init(format: Format, defaultSystemPrompt: String? = nil) {
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

    /// The text that stands literally between the markers of a system turn, in one quoted string.
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

    /// The conversation, ready for the assistant's next words: a turn of its own, or the rest of one that it has begun.
    /// - Parameters:
    ///   - turns: roles and contents.
    ///   - opensAnswer: false closes every turn instead, and opens none.
    package func render(_ turns: [(role: String, content: String)], opensAnswer: Bool = true) -> [Part] {
        var turns = turns
        if let defaultSystemPrompt, turns.first?.role != "system" {
            turns.insert(("system", defaultSystemPrompt), at: 0)
        }
        let begun = opensAnswer && turns.last?.role == "assistant" ? turns.removeLast().content : ""
        var parts: [Part] = []
        for turn in turns {
            parts += opening(turn.role, followedBy: turn.content)
            switch format {
            case .chatml: parts += [.control("<|im_end|>"), .text("\n")]
            case .llama3: parts.append(.control("<|eot_id|>"))
            }
        }
        return opensAnswer ? parts + opening("assistant", followedBy: begun) : parts
    }

    private func opening(_ role: String, followedBy content: String) -> [Part] {
        switch format {
        case .chatml: [.control("<|im_start|>"), .text("\(role)\n\(content)")]
        case .llama3:
            [.control("<|start_header_id|>"), .text(role), .control("<|end_header_id|>"), .text("\n\n\(content)")]
        }
    }
}
