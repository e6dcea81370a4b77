extension Tokenizer {
    /// The tokens of a rendered conversation, cut as one text: only control tokens that the template spells out are
    /// such. The begin token comes first if the checkpoint asks for it, once even if the template writes it, too.
    /// - Parameter limit: stops after this many tokens.
    package func encode(_ parts: [ChatTemplate.Part], upTo limit: Int = .max) -> [Int32] {
        var bytes: [UInt8] = []
        var templates: [Range<Int>] = []
        for part in parts {
            switch part {
            case .content(let text): bytes += text.utf8
            case .template(let text):
                let start = bytes.count
                bytes += text.utf8
                if start < bytes.count { templates.append(start..<bytes.count) }
            }
        }
        var tokens = encode(bytes, parsingControlIn: templates, upTo: limit)
        if addsBeginToken, let beginToken, tokens.first != beginToken { tokens.insert(beginToken, at: 0) }
        return tokens
    }

    /// A control token of the format that this vocabulary lacks; nil if it has all.
    package func controlTokenMissing(for format: ChatFormat) -> String? {
        format.controlTokens.first { controlToken($0) == nil }
    }

    /// The texts of special tokens by the names that templates use; a number that is no token's is left out.
    static func specialTokens(_ metadata: Metadata, _ model: Model, _ pieces: ByteStrings) -> [String: String] {
        // SentencePiece's own ids where a file names none.
        let defaults = model == .sentencePiece ? ["bos": 1, "eos": 2, "unknown": 0] : [:]
        var texts: [String: String] = [:]
        for (key, name) in [("bos", "bos"), ("eos", "eos"), ("unknown", "unk"), ("padding", "pad")] {
            guard let id = metadata["tokenizer.ggml.\(key)_token_id"]?.integer ?? defaults[key],
                pieces.indices.contains(id)
            else { continue }
            texts[name + "_token"] = String(decoding: pieces[id], as: UTF8.self)
        }
        return texts
    }
}
