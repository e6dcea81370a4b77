import Speculate

/// What is to be cut into tokens: a text ('prompt' to vLLM, 'content' to llama.cpp), or a conversation.
struct TokenizeBody: Decodable {
    let model: String?
    let prompt: CompletionRequest.Prompt
    /// Whether control tokens written out become those tokens; in a completion's prompt they never do.
    let parsesControlTokens: Bool
    /// Whether a text begins as a completion's prompt does, with the token that the model was made to begin with.
    let addsBeginToken: Bool
    /// Whether a conversation ends where the assistant answers; else with its last turn.
    let opensAnswer: Bool
    /// Whether tokens come with their text, as llama.cpp shows them.
    let includesPieces: Bool
    /// Whether the vocabulary's own spelling of the tokens is told too, as by vLLM.
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
        } else {
            opensAnswer = true
            // Of a text they say nothing.
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
