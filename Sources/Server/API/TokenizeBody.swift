import Speculate

/// The body of a tokenize request: a text ('prompt' in vLLM, 'content' in llama.cpp) or a conversation.
struct TokenizeBody: Decodable {
    let model: String?
    let prompt: CompletionRequest.Prompt
    /// Whether control tokens spelled out in the text become those tokens; in a completion's prompt they never do.
    let parsesControlTokens: Bool
    /// Whether a text begins with the model's begin token, as a completion's prompt does.
    let addsBeginToken: Bool
    /// Whether a conversation ends with an open assistant turn, rather than with its last turn.
    let opensAnswer: Bool
    /// For the chat template.
    let templateVariables: [String: ChatValue]
    /// Whether tokens come with their text, as in llama.cpp.
    let includesPieces: Bool
    /// Whether tokens come with the vocabulary's spelling, as in vLLM.
    let includesSpellings: Bool

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
        if let messages {
            opensAnswer = try ConversationEnd(&fields, messages).opensAnswer
            templateVariables = try TemplateVariables(&fields).values
        } else {
            opensAnswer = true
            templateVariables = [:]
            // These have no effect on a text.
            for name in ["add_generation_prompt", "continue_final_message"] { _ = try fields.bool(name) }
        }
        parsesControlTokens = try fields.bool("parse_special")
        let adds = try fields.value("add_special_tokens", as: Bool.self, "true or false")
        let addsToo = try fields.value("add_special", as: Bool.self, "true or false")
        if let adds, let addsToo, adds != addsToo { throw fields.wrong("add_special", "add_special_tokens's \(adds)") }
        addsBeginToken = adds ?? addsToo ?? true
        includesPieces = try fields.bool("with_pieces")
        includesSpellings = try fields.bool("return_token_strs")
        try fields.finish()
    }
}
