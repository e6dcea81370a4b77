import Speculate

/// A message of a conversation. Its content is text or an array of text parts.
struct MessageField: Decodable {
    private struct Part: Decodable {
        let text: String

        init(from decoder: any Decoder) throws {
            var fields = try Fields(decoder)
            let type = try fields.required("type", as: String.self, "'text'")
            guard type == "text" else { throw fields.wrong("type", "'text'") }
            text = try fields.required("text", as: String.self, "text")
            try fields.finish(ignoring: ["cache_control"])
        }
    }

    private enum Content: Decodable {
        case text(String)
        case parts([Part])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .text(text)
            } else {
                self = .parts(try container.decode([Part].self))
            }
        }
    }

    let message: ChatMessage

    init(from decoder: any Decoder) throws {
        var fields = try Fields(decoder)
        let roles = ["system", "developer", "user", "assistant"]
        let expected = roles.map { "'\($0)'" }.joined(separator: " or ")
        let role = try fields.required("role", as: String.self, expected)
        guard roles.contains(role) else { throw fields.wrong("role", expected) }
        let contents = "text or an array of text parts"
        // The assistant's content can be null, as after a tool call.
        let content =
            role == "assistant"
            ? try fields.value("content", as: Content.self, contents)
            : try fields.required("content", as: Content.self, contents)
        let text =
            switch content {
            case nil: ""
            case .text(let whole): whole
            case .parts(let parts): parts.map(\.text).joined()
            }
        // OpenAI's newer name of the system's role.
        message = ChatMessage(role: ChatMessage.Role(rawValue: role) ?? .system, content: text)
        try fields.finish(ignoring: ["name"])
    }
}
