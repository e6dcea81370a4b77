/// Byte-level BPE, read from a checkpoint. Encodes any bytes and decodes any tokens.
///
/// Bytes without a token in the vocabulary are dropped before merging, as in the Hugging Face library (SmolLM2's lacks
/// 21: 04 06 13 14 16 1d c0 c1 f1 f2 f5–ff). Text is not normalised.
package final class Tokenizer: Sendable {
    package let preTokenizer: PreTokenizer
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

    private let table: TokenTable
    private let merges: MergeTable
    private let byteTokens: [Int32]
    private let special: SpecialTokens

    /// - Throws: `CheckpointError` naming the metadata key that is missing, has the wrong type or is not supported.
    package init(_ metadata: Metadata) throws(CheckpointError) {
        let model = try metadata.string("tokenizer.ggml.model")
        guard model == "gpt2" else {
            throw .invalid(key: "tokenizer.ggml.model", value: "'\(model)'", expected: "'gpt2' (byte-level BPE)")
        }
        let name = try metadata.string("tokenizer.ggml.pre")
        guard let preTokenizer = PreTokenizer(rawValue: name) else {
            throw .invalid(
                key: "tokenizer.ggml.pre", value: "'\(name)'",
                expected: "one of " + PreTokenizer.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", "))
        }
        self.preTokenizer = preTokenizer
        let texts = try metadata.strings("tokenizer.ggml.tokens")
        guard (1...Int(Int32.max) / 2).contains(texts.count) else {
            throw .invalid(key: "tokenizer.ggml.tokens", value: "\(texts.count) tokens", expected: "at least 1")
        }
        kinds = try Self.kinds(metadata, count: texts.count)
        pieces = Self.pieces(texts, kinds)
        longestPiece = max(pieces.lazy.map(\.count).max() ?? 0, 1)
        table = TokenTable(pieces)
        byteTokens = (0...255).map { [table] byte in
            withUnsafePointer(to: UInt8(byte)) { table.id(of: UnsafeBufferPointer(start: $0, count: 1)) ?? -1 }
        }
        let mergeTexts = try metadata.strings("tokenizer.ggml.merges")
        merges = try Self.merges(mergeTexts, TokenTable(texts))
        special = SpecialTokens(pieces, kinds)

        let ids = 0...texts.count - 1
        beginToken = try metadata.optionalInteger("tokenizer.ggml.bos_token_id", in: ids).map(Int32.init)
        addsBeginToken = try metadata.optionalBool("tokenizer.ggml.add_bos_token") ?? false
        var ends = Set<Int32>()
        for key in ["eos", "eot", "eom"] {
            let id = try metadata.optionalInteger("tokenizer.ggml.\(key)_token_id", in: ids)
            if let id { ends.insert(Int32(id)) }
        }
        for id in special.ids where kinds[Int(id)] == .control {
            let text = String(decoding: pieces[Int(id)], as: UTF8.self)
            if Self.endTexts.contains(text) { ends.insert(id) }
        }
        endTokens = ends
        let specialTokens = Self.specialTokens(metadata, pieces)
        chatTemplate = try metadata.optionalString("tokenizer.chat_template").map {
            ChatTemplate(jinja: $0, specialTokens: specialTokens)
        }
        fingerprint = Self.fingerprint(texts, mergeTexts)
    }

    /// The fingerprint of the tokenizer that the metadata describe, without building it.
    package static func fingerprint(_ metadata: Metadata) throws(CheckpointError) -> UInt64 {
        fingerprint(try metadata.strings("tokenizer.ggml.tokens"), try metadata.strings("tokenizer.ggml.merges"))
    }

    private static func fingerprint(_ tokens: ByteStrings, _ merges: ByteStrings) -> UInt64 {
        merges.hash(after: tokens.hash())
    }

    /// Control tokens that end a text in the supported families, whether or not the file declares them.
    private static let endTexts: Set<String> = [
        "<|endoftext|>", "<|im_end|>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>",
    ]

    package var vocabularySize: Int { pieces.count }
    /// Bytes of the longest token: a text of n bytes has at least n / longestPiece tokens, not counting dropped bytes.
    package let longestPiece: Int

    // MARK: Encoding and decoding

    /// - Parameters:
    ///   - parsingSpecial: whether control tokens spelled out in the text, such as `<|im_start|>`, become those tokens.
    ///   - addingBegin: whether to put the begin token first if the checkpoint asks for it.
    ///   - limit: stops after this many tokens.
    package func encode(
        _ text: some Sequence<UInt8>, parsingSpecial: Bool = false, addingBegin: Bool = false, upTo limit: Int = .max
    ) -> [Int32] {
        var output: [Int32] = []
        if addingBegin, addsBeginToken, let beginToken { output.append(beginToken) }
        let run: (UnsafeBufferPointer<UInt8>) -> Void = { bytes in
            self.encode(bytes, controlIn: parsingSpecial ? [0..<bytes.count] : [], upTo: limit, into: &output)
        }
        if text.withContiguousStorageIfAvailable(run) == nil { Array(text).withUnsafeBufferPointer(run) }
        return output
    }

    /// - Parameter spans: where control tokens that are spelled out become those tokens; ascending, not adjacent.
    package func encode(_ text: [UInt8], parsingControlIn spans: [Range<Int>], upTo limit: Int = .max) -> [Int32] {
        var output: [Int32] = []
        text.withUnsafeBufferPointer { encode($0, controlIn: spans, upTo: limit, into: &output) }
        return output
    }

    private func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, controlIn spans: [Range<Int>], upTo limit: Int, into output: inout [Int32]
    ) {
        output.reserveCapacity(output.count + min(bytes.count / 3, limit))
        var merger = PieceMerger()
        var symbols: [Int32] = []
        special.split(bytes, controlIn: spans) { part in
            switch part {
            case .token(let id): output.append(id)
            case .text(let range):
                let text = UnsafeBufferPointer(rebasing: bytes[range])
                preTokenizer.forEachPiece(in: text) { piece in
                    let piece = UnsafeBufferPointer(rebasing: text[piece])
                    encode(piece, &symbols, &merger, into: &output)
                    return output.count < limit
                }
            }
            return output.count < limit
        }
    }

    package func encode(
        _ text: String, parsingSpecial: Bool = false, addingBegin: Bool = false, upTo limit: Int = .max
    ) -> [Int32] {
        encode(text.utf8, parsingSpecial: parsingSpecial, addingBegin: addingBegin, upTo: limit)
    }

    private func encode(
        _ piece: UnsafeBufferPointer<UInt8>, _ symbols: inout [Int32], _ merger: inout PieceMerger,
        into output: inout [Int32]
    ) {
        if preTokenizer.prefersWholePiece, let id = table.id(of: piece), kinds[Int(id)] == .normal {
            output.append(id)
            return
        }
        symbols.removeAll(keepingCapacity: true)
        byteTokens.withUnsafeBufferPointer { byteTokens in
            for byte in piece where byteTokens[Int(byte)] >= 0 { symbols.append(byteTokens[Int(byte)]) }
        }
        merger.merge(symbols, with: merges, into: &output)
    }

    /// The text's bytes. Control tokens are omitted unless asked for.
    package func decode(_ tokens: some Sequence<Int32>, includingControl: Bool = false) -> [UInt8] {
        var output: [UInt8] = []
        for token in tokens where includingControl || kinds[Int(token)] != .control { output += pieces[Int(token)] }
        return output
    }

    /// The token as the vocabulary spells it: normal ones in the byte alphabet, the others literally.
    package func spelling(of token: Int32) -> String {
        let kind = kinds[Int(token)]
        guard kind != .control, kind != .userDefined else { return String(decoding: pieces[Int(token)], as: UTF8.self) }
        var text = ""
        for byte in pieces[Int(token)] { text.unicodeScalars.append(ByteAlphabet.scalars[Int(byte)]) }
        return text
    }

    /// The control token spelled `text`.
    package func controlToken(_ text: String) -> Int32? {
        Array(text.utf8).withUnsafeBufferPointer { table.id(of: $0) }.flatMap { kinds[Int($0)] == .control ? $0 : nil }
    }

    // MARK: Loading

    private static func kinds(_ metadata: Metadata, count: Int) throws(CheckpointError) -> [TokenKind] {
        let key = "tokenizer.ggml.token_type"
        guard let numbers = try metadata.optionalIntegers(key) else {
            return [TokenKind](repeating: .normal, count: count)
        }
        guard numbers.count == count else {
            throw .invalid(key: key, value: "an array of \(numbers.count)", expected: "\(count), one per token")
        }
        if let wrong = numbers.first(where: { TokenKind(rawValue: $0) == nil }) {
            throw .invalid(key: key, value: "a token of type \(wrong)", expected: "1 to 6")
        }
        return numbers.map { TokenKind(rawValue: $0)! }
    }

    /// Normal tokens are spelled in the byte alphabet, control and user-defined ones literally.
    private static func pieces(_ texts: ByteStrings, _ kinds: [TokenKind]) -> ByteStrings {
        var pieces = ByteStrings()
        pieces.reserveCapacity(texts.count)
        var buffer: [UInt8] = []
        texts.bytes.withUnsafeBufferPointer { bytes in
            for (id, kind) in kinds.enumerated() {
                let text = UnsafeBufferPointer(rebasing: bytes[texts.range(id)])
                buffer.removeAll(keepingCapacity: true)
                if kind == .control || kind == .userDefined || !ByteAlphabet.decode(text, into: &buffer) {
                    buffer += text
                }
                pieces.append(buffer)
            }
        }
        return pieces
    }

    private static func merges(_ texts: ByteStrings, _ table: TokenTable) throws(CheckpointError) -> MergeTable {
        let key = "tokenizer.ggml.merges"
        var merges = MergeTable(count: texts.count)
        var failure: CheckpointError?
        texts.bytes.withUnsafeBufferPointer { bytes in
            var joined: [UInt8] = []
            for rank in 0..<texts.count where failure == nil {
                let text = UnsafeBufferPointer(rebasing: bytes[texts.range(rank)])
                guard let space = text.dropFirst().firstIndex(of: UInt8(ascii: " ")) else {
                    failure = .invalid(key: key, value: "merge \(rank) without a space", expected: "two tokens")
                    return
                }
                let left = UnsafeBufferPointer(rebasing: text[..<space])
                let right = UnsafeBufferPointer(rebasing: text[(space + 1)...])
                joined.removeAll(keepingCapacity: true)
                joined += left
                joined += right
                guard let leftID = table.id(of: left), let rightID = table.id(of: right),
                    let token = joined.withUnsafeBufferPointer({ table.id(of: $0) })
                else {
                    let text = String(decoding: text, as: UTF8.self)
                    failure = .invalid(
                        key: key, value: "merge \(rank) '\(text)'", expected: "tokens of the vocabulary")
                    return
                }
                merges.insert(leftID, rightID, .init(rank: Int32(rank), token: token))
            }
        }
        if let failure { throw failure }
        return merges
    }
}
