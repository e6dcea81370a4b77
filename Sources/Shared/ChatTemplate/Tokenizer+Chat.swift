extension Tokenizer {
    /// The tokens of a rendered conversation. A control marker that this vocabulary lacks is an error.
    /// - Parameter limit: stops after this many tokens.
    package func encode(_ parts: [ChatTemplate.Part], upTo limit: Int = .max) throws(CheckpointError) -> [Int32] {
        var tokens: [Int32] = []
        if addsBeginToken, let beginToken { tokens.append(beginToken) }
        for part in parts where tokens.count < limit {
            switch part {
            case .text(let text): tokens += encode(text, upTo: limit - tokens.count)
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
