/// The conversation formats known here by name, for checkpoints whose own template is missing or cannot be read.
public enum ChatFormat: String, Sendable, CaseIterable {
    case chatml
    case llama3 = "llama-3"

    /// The control tokens without which a vocabulary cannot have this format.
    package var controlTokens: [String] {
        switch self {
        case .chatml: ["<|im_start|>", "<|im_end|>"]
        case .llama3: ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
        }
    }

    /// What comes before a message.
    package func opening(_ role: ChatMessage.Role) -> String {
        switch self {
        case .chatml: "<|im_start|>\(role.rawValue)\n"
        case .llama3: "<|start_header_id|>\(role.rawValue)<|end_header_id|>\n\n"
        }
    }

    /// What comes after a message.
    package var closing: String {
        switch self {
        case .chatml: "<|im_end|>\n"
        case .llama3: "<|eot_id|>"
        }
    }
}
