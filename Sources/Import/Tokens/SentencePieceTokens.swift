import SpeculateShared

/// The metadata of SentencePiece's BPE, from tokenizer.model, or from tokenizer.json, where merges stand for scores.
enum SentencePieceTokens {
    /// Of ids that no token has, and of tokens that are matched before anything else; no merge makes them.
    private static let (unusedScore, addedScore): (Float, Float) = (-10000, -1000)

    static func add(
        _ files: TokenizerFiles, _ folder: ModelFolder, count: Int, to metadata: inout Metadata
    ) throws(ModelFileError) {
        var vocabulary = Vocabulary(count: count, score: unusedScore)
        let addsSpace: Bool
        let file: String
        if folder.has(TokenizerFiles.sentencePieceName) {
            file = TokenizerFiles.sentencePieceName
            let source = try SentencePieceFile(folder)
            for (id, piece) in source.pieces.enumerated() {
                try vocabulary.add(piece.text, id: id, piece.kind, score: piece.score, file: file)
            }
            addsSpace = source.addsSpace
        } else {
            file = TokenizerFiles.name
            addsSpace = try addTokens(files, to: &vocabulary)
        }
        try refuseSpaces(files, addsSpace: addsSpace)
        // Some tokenizers know tokens, of images say, for which the model has no rows.
        try vocabulary.add(files.added.filter { $0.id < count }, score: addedScore, replaces: true, file: file)
        metadata["tokenizer.ggml.model"] = .string("llama")
        metadata["tokenizer.ggml.pre"] = .string("default")
        metadata["tokenizer.ggml.tokens"] = .array(.string(vocabulary.tokens))
        metadata["tokenizer.ggml.scores"] = .array(.float32(vocabulary.scores))
        metadata["tokenizer.ggml.token_type"] = .array(.int32(vocabulary.types))
        let stated = try files.settings?.optionalBool("add_prefix_space")
        if stated != nil || !addsSpace {
            metadata["tokenizer.ggml.add_space_prefix"] = .bool(stated ?? addsSpace)
        }
    }

    /// A GGUF file has such tokens for the spaces of a text. That is the same where merges make them of spaces, too, and
    /// what follows a token gets no space of its own.
    private static func refuseSpaces(_ files: TokenizerFiles, addsSpace: Bool) throws(ModelFileError) {
        let spaced = files.added.filter { !$0.isControl && $0.isMatchedRaw && $0.text.contains(" ") }
        guard !spaced.isEmpty, let model = files.model else { return }
        var made = Set<String>()
        for value in try model.array("merges") {
            made.insert(value.array?.compactMap(\.string).joined() ?? value.string?.replacing(" ", with: "") ?? "")
        }
        for token in spaced {
            let text = token.text.replacing(" ", with: "\u{2581}")
            guard !addsSpace else {
                throw .bad(
                    TokenizerFiles.name,
                    "the added token \(excerpt(text)) is of spaces, expected none: texts begin with one of their own")
            }
            guard text == "\u{2581}" || made.contains(text) else {
                throw .bad(
                    TokenizerFiles.name,
                    "the added token \(excerpt(text)) is made by no merge, expected one: a GGUF file has it for spaces")
            }
        }
    }

    /// - Returns: whether a text gets a space before its first word.
    private static func addTokens(
        _ files: TokenizerFiles, to vocabulary: inout Vocabulary
    ) throws(ModelFileError) -> Bool {
        guard let json = files.json, let model = files.model, model["type"] == .string("BPE") else {
            throw .bad(
                TokenizerFiles.name, "its model is \(files.model?["type"]?.summary ?? "missing"), expected 'BPE'")
        }
        try model.expect("ignore_merges", nil, .bool(false), because: "false")
        try model.expect("dropout", nil, .integer(0), .number(0), because: "none")
        // A token's score is the place of the first merge that makes it: the earlier, the higher.
        var scores: [[UInt8]: Float] = [:]
        for (rank, value) in try model.array("merges").enumerated() {
            let pair = value.array?.compactMap(\.string) ?? value.string?.split(separator: " ").map(String.init) ?? []
            guard pair.count == 2 else { throw model.wrong("merges", value, expected: "pairs of texts") }
            let token = Array(pair[0].utf8) + Array(pair[1].utf8)
            if scores[token] == nil { scores[token] = -Float(rank) }
        }
        let unknown = try model.optionalString("unk_token").map { Array($0.utf8) }
        let entries = try model.fields("vocab")
        for member in entries.object.members {
            guard let id = member.value.integer else {
                throw entries.wrong(member.key, member.value, expected: "an id")
            }
            let text = Array(member.key.utf8)
            let kind: TokenKind = text == unknown ? .unknown : isByte(text) ? .byte : .normal
            let score = scores[text] ?? (kind == .normal ? unusedScore : 0)
            try vocabulary.add(text, id: id, kind, score: score, file: TokenizerFiles.name)
        }
        return try addsSpace(json)
    }

    /// `<0x00>` to `<0xFF>`.
    private static func isByte(_ text: [UInt8]) -> Bool {
        text.count == 6 && text.starts(with: "<0x".utf8) && text[5] == UInt8(ascii: ">")
            && UInt8(String(decoding: text[3..<5], as: UTF8.self), radix: 16) != nil
    }

    /// Reads what stands before the merges: spaces become U+2581, and there may be one before a text.
    private static func addsSpace(_ json: Fields) throws(ModelFileError) -> Bool {
        var steps = try json.optionalFields("normalizer").map { [$0] } ?? []
        if let only = steps.first, only["type"] == .string("Sequence") {
            steps = try only.array("normalizers").compactMap(\.object).map { Fields($0, only.place) }
        }
        var addsSpace = false
        var replaces = false
        for step in steps {
            switch step["type"]?.string {
            case "Prepend" where step["prepend"] == .string("\u{2581}"): addsSpace = true
            case "Replace"
            where step["pattern"]?.object?["String"] == .string(" ") && step["content"] == .string("\u{2581}"):
                replaces = true
            default:
                throw step.wrong(
                    "type", step["type"], expected: "'Prepend' or 'Replace' of spaces by U+2581, with its settings")
            }
        }
        guard let cut = try json.optionalFields("pre_tokenizer") else {
            guard replaces else { throw json.wrong("normalizer", nil, expected: "'Replace' of spaces by U+2581") }
            return addsSpace
        }
        switch cut["type"]?.string {
        case "Metaspace" where cut["replacement"] == .string("\u{2581}") && cut["split"] != .bool(true):
            let scheme = try cut.optionalString("prepend_scheme")
            return addsSpace || (scheme.map { $0 != "never" } ?? (cut["add_prefix_space"] != .bool(false)))
        // Cuts nothing: no spaces are left.
        case "Split" where replaces && cut["pattern"]?.object?["String"] == .string(" "): return addsSpace
        default: throw cut.wrong("type", cut["type"], expected: "'Metaspace' that does not split, or none")
        }
    }
}
