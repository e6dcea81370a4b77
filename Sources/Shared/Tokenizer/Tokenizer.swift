/// A checkpoint's tokenizer: byte-level BPE or SentencePiece's BPE. Encodes any bytes and decodes any tokens.
///
/// Decoding gives back what was encoded, except bytes without a token (byte-level BPE drops them; SentencePiece's makes an
/// unknown token of a character if the vocabulary has no byte tokens), U+2581, which SentencePiece's reads as a space, and
/// white space that Phi-3's special tokens take with them.
package final class Tokenizer: Sendable {
    /// Where a text stands. SentencePiece's tokenizers put a space before the first word of a text.
    package enum Position {
        case start
        /// After a token, which counts as the start if it is a control or user-defined one.
        case after(Int32)
        /// Within other text.
        case within
    }

    /// The bytes of each token.
    package let pieces: ByteStrings
    package let kinds: [TokenKind]
    package let beginToken: Int32?
    /// Tokens that end a text.
    package let endTokens: Set<Int32>
    package let addsBeginToken: Bool
    package let chatTemplate: ChatTemplate?
    /// FNV-1a over all tokens and merges and their boundaries: two checkpoints with the same value share their token
    /// ids.
    package let fingerprint: UInt64

    private let encoder: TextEncoder
    /// Whether encoding puts a space before a text.
    private let addsSpace: Bool
    private let special: SpecialTokens

    /// - Throws: `CheckpointError` naming the metadata key that is missing, has the wrong type or is not supported.
    package init(_ metadata: Metadata) throws(CheckpointError) {
        let model = try Model(metadata)
        try TokenizerKeys.check(metadata)
        let texts = try metadata.strings("tokenizer.ggml.tokens")
        guard (1...Int(Int32.max) / 2).contains(texts.count) else {
            throw .invalid(key: "tokenizer.ggml.tokens", value: "\(texts.count) tokens", expected: "at least 1")
        }
        let kinds = try Self.kinds(metadata, model, texts)
        let pieces = Self.pieces(texts, kinds, model)
        let ids = try SpecialIDs(metadata, model, count: texts.count)
        switch model {
        case .byteLevel:
            let encoder = try ByteLevelBPE(metadata, texts: texts, pieces: pieces, kinds: kinds)
            self.encoder = .byteLevel(encoder)
            addsBeginToken = ids.addsBegin ?? encoder.preTokenizer.addsBeginToken
            addsSpace = false
        case .sentencePiece:
            let encoder = try SentencePieceBPE(
                metadata, texts: texts, pieces: pieces, kinds: kinds, unknownToken: ids.unknown)
            self.encoder = .sentencePiece(encoder)
            addsBeginToken = ids.addsBegin ?? true
            addsSpace = encoder.addsSpace
        }
        self.kinds = kinds
        self.pieces = pieces
        longestPiece = max(pieces.lazy.map(\.count).max() ?? 0, 1)
        special = SpecialTokens(
            pieces, kinds, strippingRight: try Self.strippingRight(metadata, model, texts, kinds))
        beginToken = ids.begin
        endTokens = ids.ends.union(Self.endTokens(texts, kinds))
        let specialTokens = Self.specialTokens(metadata, model, pieces)
        chatTemplate = try metadata.optionalString("tokenizer.chat_template").map {
            ChatTemplate(jinja: $0, specialTokens: specialTokens)
        }
        fingerprint = try Self.fingerprint(metadata)
    }

    package var vocabularySize: Int { pieces.count }
    /// Bytes of the longest token: a text of n bytes has at least n / longestPiece tokens, not counting dropped bytes.
    package let longestPiece: Int

    /// How text becomes tokens, in words.
    package var scheme: String {
        switch encoder {
        case .byteLevel(let encoder): "byte-level BPE, pre-tokenizer \(encoder.preTokenizer.name)"
        case .sentencePiece: "SentencePiece BPE, \(addsSpace ? "a" : "no") space before a text"
        }
    }

    // MARK: Encoding and decoding

    /// - Parameters:
    ///   - parsingSpecial: whether control tokens spelled out in the text, such as `<|im_start|>`, become those tokens.
    ///   - addingBegin: whether to put the begin token first if the checkpoint asks for it.
    ///   - position: where the text stands.
    ///   - limit: stops after this many tokens.
    package func encode(
        _ text: some Sequence<UInt8>, parsingSpecial: Bool = false, addingBegin: Bool = false,
        at position: Position = .start, upTo limit: Int = .max
    ) -> [Int32] {
        var output: [Int32] = []
        if addingBegin, addsBeginToken, let beginToken { output.append(beginToken) }
        let run: (UnsafeBufferPointer<UInt8>) -> Void = { bytes in
            let spans = parsingSpecial ? [0..<bytes.count] : []
            self.encode(bytes, controlIn: spans, at: position, upTo: limit, into: &output)
        }
        if text.withContiguousStorageIfAvailable(run) == nil { Array(text).withUnsafeBufferPointer(run) }
        return output
    }

    /// - Parameter spans: where control tokens that are spelled out become those tokens: ascending, not adjacent.
    package func encode(_ text: [UInt8], parsingControlIn spans: [Range<Int>], upTo limit: Int = .max) -> [Int32] {
        var output: [Int32] = []
        text.withUnsafeBufferPointer { encode($0, controlIn: spans, at: .start, upTo: limit, into: &output) }
        return output
    }

    private func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, controlIn spans: [Range<Int>], at position: Position, upTo limit: Int,
        into output: inout [Int32]
    ) {
        output.reserveCapacity(output.count + min(bytes.count / 3, limit))
        var merger = PieceMerger()
        var symbols: [Int32] = []
        var startsText = isStart(position)
        var previous: Int32?
        if case .after(let token) = position { previous = token }
        special.split(bytes, controlIn: spans, after: previous) { part in
            switch part {
            case .token(let id):
                output.append(id)
                startsText = true
            case .text(let range):
                let text = UnsafeBufferPointer(rebasing: bytes[range])
                switch encoder {
                case .byteLevel(let encoder):
                    encoder.encode(text, &symbols, &merger, upTo: limit, into: &output)
                case .sentencePiece(let encoder):
                    encoder.encode(text, startsText: startsText, &symbols, &merger, upTo: limit, into: &output)
                }
                startsText = false
            }
            return output.count < limit
        }
    }

    package func encode(
        _ text: String, parsingSpecial: Bool = false, addingBegin: Bool = false, at position: Position = .start,
        upTo limit: Int = .max
    ) -> [Int32] {
        encode(text.utf8, parsingSpecial: parsingSpecial, addingBegin: addingBegin, at: position, upTo: limit)
    }

    /// The text's bytes. Control tokens are omitted unless asked for.
    package func decode(_ tokens: some Sequence<Int32>, includingControl: Bool = false) -> [UInt8] {
        var output: [UInt8] = []
        var position = Position.start
        for token in tokens {
            if includingControl || kinds[Int(token)] != .control { output += bytes(of: token, at: position) }
            position = .after(token)
        }
        return output
    }

    /// The bytes that a token adds to a text: its piece, less the space that encoding puts before the first word. O(1).
    package func bytes(of token: Int32, at position: Position) -> ArraySlice<UInt8> {
        let piece = pieces[Int(token)]
        guard addsSpace, kinds[Int(token)] == .normal, piece.first == UInt8(ascii: " "), isStart(position) else {
            return piece
        }
        return piece.dropFirst()
    }

    private func isStart(_ position: Position) -> Bool {
        switch position {
        case .start: true
        case .after(let token): kinds[Int(token)] == .control || kinds[Int(token)] == .userDefined
        case .within: false
        }
    }

    /// The token as the vocabulary spells it: normal ones in the byte alphabet or with U+2581 for a space, bytes as
    /// `<0x0A>`, the others literally.
    package func spelling(of token: Int32) -> String {
        let (kind, piece) = (kinds[Int(token)], pieces[Int(token)])
        guard kind != .control, kind != .userDefined else { return String(decoding: piece, as: UTF8.self) }
        switch encoder {
        case .byteLevel:
            var text = ""
            for byte in piece { text.unicodeScalars.append(ByteAlphabet.scalars[Int(byte)]) }
            return text
        case .sentencePiece:
            if kind == .byte, piece.count == 1 { return SentencePieceBPE.spelling(ofByte: piece.first!) }
            return String(
                String.UnicodeScalarView(
                    String(decoding: piece, as: UTF8.self).unicodeScalars.map { $0 == " " ? "\u{2581}" : $0 }))
        }
    }

    /// The control token spelled `text`.
    package func controlToken(_ text: String) -> Int32? {
        special.token(spelled: text).flatMap { kinds[Int($0)] == .control ? $0 : nil }
    }
}
