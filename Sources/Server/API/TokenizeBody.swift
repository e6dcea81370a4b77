import Speculate

/// What is to be cut into tokens: a text ('prompt' to vLLM, 'content' to llama.cpp), or a conversation.
struct TokenizeBody: Decodable {
    let model: String?
    let prompt: CompletionRequest.Prompt
    /// Whether control tokens written out become those tokens; in a completion's prompt they never do.
    let parsesControlTokens: Bool

    init(from decoder: any Decoder) throws {
        var fields = try Fields(decoder)
        model = try fields.value("model", as: String.self, "the model's name")
        let messages = try fields.value("messages", as: [MessageField].self, "an array of messages")
        let content = try fields.value("content", as: String.self, "text")
        let text = try fields.value("prompt", as: String.self, "text")
        switch (text, content, messages) {
        case (let text?, nil, nil), (nil, let text?, nil): prompt = .text(text)
        case (nil, nil, let messages?) where !messages.isEmpty: prompt = .chat(messages.map(\.message))
        default: throw APIError.invalid("either prompt or messages is expected", param: "prompt")
        }
        parsesControlTokens = try fields.bool("parse_special")
        try fields.finish(ignoring: ["add_special", "add_special_tokens", "add_generation_prompt"])
    }
}
