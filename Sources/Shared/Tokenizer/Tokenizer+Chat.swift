extension Tokenizer {
    /// Tokens of a rendered conversation. A control marker that this vocabulary lacks is an error.
    package func encode(_ parts: [ChatTemplate.Part]) throws(CheckpointError) -> [Int32] {
        var tokens: [Int32] = []
        if addsBeginToken, let beginToken { tokens.append(beginToken) }
        for part in parts {
            switch part {
            case .text(let text): tokens += encode(text)
            case .control(let text):
                guard let token = controlToken(text) else {
                    throw CheckpointError(
                        "the chat template needs the control token '\(text)', which the vocabulary lacks")
                }
                tokens.append(token)
            }
        }
        return tokens
    }
}
