/// How a conversation ends before its answer, by two fields of vLLM's. Without them, a final assistant message is
/// continued; after any other message a new assistant turn is opened.
struct ConversationEnd {
    /// false: closes every turn and opens none.
    let opensAnswer: Bool

    /// - Throws: `APIError` naming the field that contradicts the other one or the last message.
    init(_ fields: inout Fields, _ messages: [MessageField]) throws {
        let opens = try fields.value("add_generation_prompt", as: Bool.self, "true or false")
        let continues = try fields.value("continue_final_message", as: Bool.self, "true or false")
        let isBegun = messages.last?.message.role == .assistant
        switch (opens, continues) {
        case (_, true) where !isBegun:
            throw fields.wrong("continue_final_message", "false where the last message is not the assistant's")
        case (true, true):
            throw fields.wrong("add_generation_prompt", "false beside continue_final_message")
        case (true, nil) where isBegun:
            throw fields.wrong("add_generation_prompt", "it to be left out: the assistant's last message is continued")
        case (nil, false) where isBegun, (true, false) where isBegun:
            throw fields.wrong("continue_final_message", "true: the assistant's last message is continued")
        default: opensAnswer = opens ?? true || continues ?? false
        }
    }
}
