extension Tokenizer {
    /// The values of `tokenizer.ggml.model` that are supported.
    enum Model: String, CaseIterable {
        case byteLevel = "gpt2"
        case sentencePiece = "llama"

        init(_ metadata: Metadata) throws(CheckpointError) {
            let name = try metadata.string("tokenizer.ggml.model")
            guard let model = Model(rawValue: name) else {
                throw .invalid(
                    key: "tokenizer.ggml.model", value: "'\(name)'",
                    expected: "'gpt2' (byte-level BPE) or 'llama' (SentencePiece BPE)")
            }
            self = model
        }
    }

    /// What the metadata say of single tokens.
    struct SpecialIDs {
        let begin: Int32?
        let unknown: Int32?
        /// Tokens that the metadata declare to end a text.
        let ends: Set<Int32>
        /// Whether a text starts with the begin token; nil where the metadata do not say.
        let addsBegin: Bool?

        init(_ metadata: Metadata, _ model: Model, count: Int) throws(CheckpointError) {
            // SentencePiece's own ids where a file names none.
            let isSentencePiece = model == .sentencePiece
            func id(_ name: String, default value: Int32? = nil) throws(CheckpointError) -> Int32? {
                let id = try metadata.optionalInteger("tokenizer.ggml.\(name)_token_id", in: 0...count - 1)
                return id.map(Int32.init) ?? (isSentencePiece ? value.flatMap { Int($0) < count ? $0 : nil } : nil)
            }
            begin = try id("bos", default: 1)
            unknown = try id("unknown", default: 0)
            var ends = Set<Int32>()
            if let end = try id("eos", default: 2) { ends.insert(end) }
            for name in ["eot", "eom"] {
                if let end = try id(name) { ends.insert(end) }
            }
            self.ends = ends
            addsBegin = try metadata.optionalBool("tokenizer.ggml.add_bos_token")
            if try metadata.optionalBool("tokenizer.ggml.add_eos_token") == true {
                throw .invalid(
                    key: "tokenizer.ggml.add_eos_token", value: true,
                    expected: "false: a text that has ended cannot be continued")
            }
        }
    }

    /// A hash over the tokens' texts, without building a tokenizer. How texts become tokens is left out: converters of
    /// drafters write other merges than those of verifiers, and a drafter reads tokens.
    package static func fingerprint(_ metadata: Metadata) throws(CheckpointError) -> UInt64 {
        try metadata.strings("tokenizer.ggml.tokens").hash()
    }

    /// Control tokens that end a text or a turn, whether or not the file declares them: llama.cpp's list.
    private static let endTexts: Set<String> = [
        "<|endoftext|>", "<|im_end|>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>",
        "<turn|>", "<|return|>", "<|call|>", "<|calls|>", "<|flush|>", "<|tool_response>", "<end_of_utterance>",
        "<eos>",
        "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "[e~[", "</s>", "<｜end▁of▁sentence｜>",
    ]
    /// In UTF-8.
    private static let longestEndText = endTexts.map(\.utf8.count).max()!

    /// The spelling of a token that ends a text, if it is one.
    private static func endText(_ text: ArraySlice<UInt8>) -> String? {
        guard text.count <= longestEndText, let first = text.first, "<_[".utf8.contains(first) else { return nil }
        let spelled = String(decoding: text, as: UTF8.self)
        return endTexts.contains(spelled) ? spelled : nil
    }

    static func endTokens(_ texts: ByteStrings, _ kinds: [TokenKind]) -> Set<Int32> {
        var ends: [String: Int32] = [:]
        for id in kinds.indices where kinds[id] == .control {
            if let text = endText(texts[id]), ends[text] == nil { ends[text] = Int32(id) }
        }
        // Where an answer has several messages, <|end|> only ends one of them.
        let calls = ends["<|call|>"] != nil || ends["<|calls|>"] != nil
        if calls, ends["<|return|>"] != nil || ends["<|flush|>"] != nil { ends["<|end|>"] = nil }
        return Set(ends.values)
    }

    static func kinds(
        _ metadata: Metadata, _ model: Model, _ texts: ByteStrings
    ) throws(CheckpointError) -> [TokenKind] {
        let key = "tokenizer.ggml.token_type"
        let found = try metadata.optionalIntegers(key)
        guard found != nil || model == .byteLevel else { throw .missing(key: key) }
        let numbers = found ?? [Int](repeating: TokenKind.normal.rawValue, count: texts.count)
        guard numbers.count == texts.count else {
            throw .invalid(key: key, value: "an array of \(numbers.count)", expected: "\(texts.count), one per token")
        }
        if let wrong = numbers.first(where: { TokenKind(rawValue: $0) == nil }) {
            throw .invalid(key: key, value: "a token of type \(wrong)", expected: "1 to 6")
        }
        var kinds = numbers.map { TokenKind(rawValue: $0)! }
        for id in kinds.indices {
            // <unk> is no text either: matched and shown as control tokens are.
            if kinds[id] == .unknown, model == .sentencePiece { kinds[id] = .control }
            // Some converters declare what ends a turn as if it were text. </s> may be HTML.
            if let text = endText(texts[id]), text != "</s>" { kinds[id] = .control }
        }
        return kinds
    }

    static func pieces(_ texts: ByteStrings, _ kinds: [TokenKind], _ model: Model) -> ByteStrings {
        var pieces = ByteStrings()
        pieces.reserveCapacity(texts.count)
        var buffer: [UInt8] = []
        texts.bytes.withUnsafeBufferPointer { bytes in
            for (id, kind) in kinds.enumerated() {
                let text = UnsafeBufferPointer(rebasing: bytes[texts.range(id)])
                buffer.removeAll(keepingCapacity: true)
                switch model {
                case .byteLevel: ByteLevelBPE.appendPiece(text, kind, to: &buffer)
                case .sentencePiece: SentencePieceBPE.appendPiece(text, kind, to: &buffer)
                }
                pieces.append(buffer)
            }
        }
        return pieces
    }

    /// Phi-3's special tokens take the white space after them with them, but for three. Files do not say so.
    static func strippingRight(
        _ metadata: Metadata, _ model: Model, _ texts: ByteStrings, _ kinds: [TokenKind]
    ) throws(CheckpointError) -> Set<Int32> {
        guard model == .sentencePiece, try metadata.optionalString("general.architecture") == "phi3" else { return [] }
        let others: Set<String> = ["<unk>", "<s>", "<|endoftext|>"]
        return Set(
            kinds.indices.filter {
                (kinds[$0] == .control || kinds[$0] == .userDefined)
                    && !others.contains(String(decoding: texts[$0], as: UTF8.self))
            }.map(Int32.init))
    }
}
