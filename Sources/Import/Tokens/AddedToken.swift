import SpeculateShared

/// A token that is matched in a text before anything else.
struct AddedToken: Sendable {
    let id: Int
    let text: String
    /// Whether it stands for something other than its text.
    let isControl: Bool
    /// Whether it is matched before a text's spaces become U+2581, so that the token's U+2581 is none of them.
    let isMatchedRaw: Bool

    /// - Throws: `ModelFileError` if the token is matched in a way that a GGUF file cannot say.
    init(_ fields: Fields, id: Int) throws(ModelFileError) {
        guard let text = try fields.optionalString("content"), !text.isEmpty else {
            throw fields.wrong("content", fields["content"], expected: "a text")
        }
        self.id = id
        let looks = Self.looksLikeControl(text)
        isControl = try fields.optionalBool("special") ?? false || looks
        isMatchedRaw = try fields.optionalBool("normalized") == false
        // SentencePiece's spaces; a control token keeps its spelling.
        self.text = isControl ? text : text.replacing("\u{2581}", with: " ")
        for key in ["lstrip", "rstrip", "single_word"] {
            try fields.expect(key, nil, .bool(false), because: "false: a GGUF file cannot say so of \(excerpt(text))")
        }
    }

    init(id: Int, text: String) {
        self.id = id
        self.text = text
        isControl = false
        isMatchedRaw = false
    }

    /// Some models declare control tokens as text.
    private static func looksLikeControl(_ text: String) -> Bool {
        ["<pad>", "<mask>", "<2mass>", "[@BOS@]"].contains(text)
            || text.hasPrefix("<|") && text.hasSuffix("|>") || text.hasPrefix("<｜") && text.hasSuffix("｜>")
            || text.hasPrefix("<unused") && text.hasSuffix(">")
    }
}
