import SpeculateShared

/// The metadata of a byte-level BPE, from tokenizer.json.
enum ByteLevelTokens {
    static func add(_ files: TokenizerFiles, count: Int, to metadata: inout Metadata) throws(ModelFileError) {
        guard let json = files.json, let model = files.model else {
            throw ModelFileError(.missing, "\(TokenizerFiles.name) is missing")
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            try model.expect(key, nil, .string(""), because: "none")
        }
        try model.expect("dropout", nil, .integer(0), .number(0), because: "none")
        // A GGUF file cannot say that text is normalised; as llama.cpp's converter does, NFC is let pass.
        if let normalizer = try json.optionalFields("normalizer") {
            try normalizer.expect("type", .string("NFC"), because: "'NFC', or no normalizer")
        }
        let name = try PreTokenizerRules.name(files)
        var vocabulary = Vocabulary(count: count, score: 0)
        let entries = try model.fields("vocab")
        for member in entries.object.members {
            guard let id = member.value.integer else {
                throw entries.wrong(member.key, member.value, expected: "an id")
            }
            try vocabulary.add(Array(member.key.utf8), id: id, .normal, file: TokenizerFiles.name)
        }
        try vocabulary.add(files.added, replaces: false, file: TokenizerFiles.name)
        metadata["tokenizer.ggml.model"] = .string("gpt2")
        metadata["tokenizer.ggml.pre"] = .string(name)
        metadata["tokenizer.ggml.tokens"] = .array(.string(vocabulary.tokens))
        metadata["tokenizer.ggml.token_type"] = .array(.int32(vocabulary.types))
        metadata["tokenizer.ggml.merges"] = .array(.string(try merges(model)))
    }

    /// Pairs with a space between; a space within, which byte-level tokens do not have, as GPT-2's alphabet spells it.
    static func merges(_ model: Fields) throws(ModelFileError) -> ByteStrings {
        var merges = ByteStrings()
        for value in try model.array("merges") {
            switch value {
            case .string(let text): merges.append(text.utf8)
            case .array(let pair):
                guard pair.count == 2, let left = pair[0].string, let right = pair[1].string else { fallthrough }
                let parts = [left, right].map { $0.replacing(" ", with: "\u{120}") }
                merges.append(parts.joined(separator: " ").utf8)
            default: throw model.wrong("merges", value, expected: "pairs of texts")
            }
        }
        guard !merges.isEmpty else { throw model.wrong("merges", nil, expected: "a list of pairs") }
        return merges
    }
}
