/// Byte-level BPE (Radford et al. 2019): text is cut into pieces, and the bytes of each are merged by rank.
///
/// Bytes without a token in the vocabulary are dropped before merging, as in the Hugging Face library (SmolLM2's lacks
/// 21: 04 06 13 14 16 1d c0 c1 f1 f2 f5–ff). Text is not normalised.
struct ByteLevelBPE: Sendable {
    let preTokenizer: PreTokenizer
    private let table: TokenTable
    private let kinds: [TokenKind]
    private let merges: MergeTable
    private let byteTokens: [Int32]

    /// - Parameters:
    ///   - texts: the vocabulary as the checkpoint spells it.
    ///   - pieces: the bytes of each token.
    init(
        _ metadata: Metadata, texts: ByteStrings, pieces: ByteStrings, kinds: [TokenKind]
    ) throws(CheckpointError) {
        let name = try metadata.string("tokenizer.ggml.pre")
        guard let preTokenizer = PreTokenizer(name: name) else {
            throw .invalid(
                key: "tokenizer.ggml.pre", value: "'\(name)'",
                expected: "one of " + PreTokenizer.names.map { "'\($0)'" }.joined(separator: ", "))
        }
        self.preTokenizer = preTokenizer
        self.kinds = kinds
        table = TokenTable(pieces)
        byteTokens = (0...255).map { [table] byte in
            withUnsafePointer(to: UInt8(byte)) { table.id(of: UnsafeBufferPointer(start: $0, count: 1)) ?? -1 }
        }
        merges = try Self.merges(try metadata.strings("tokenizer.ggml.merges"), TokenTable(texts), kinds)
    }

    /// Appends the tokens of a text without special ones until there are `limit`.
    func encode(
        _ text: UnsafeBufferPointer<UInt8>, _ symbols: inout [Int32], _ merger: inout PieceMerger, upTo limit: Int,
        into output: inout [Int32]
    ) {
        preTokenizer.rule.forEachPiece(in: text) { piece in
            encodePiece(UnsafeBufferPointer(rebasing: text[piece]), &symbols, &merger, into: &output)
            return output.count < limit
        }
    }

    private func encodePiece(
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

    /// The bytes that a token spelled `text` stands for: normal tokens are spelled in the byte alphabet, control and
    /// user-defined ones literally.
    static func appendPiece(_ text: UnsafeBufferPointer<UInt8>, _ kind: TokenKind, to buffer: inout [UInt8]) {
        if kind == .control || kind == .userDefined || !ByteAlphabet.decode(text, into: &buffer) { buffer += text }
    }

    private static func merges(
        _ texts: ByteStrings, _ table: TokenTable, _ kinds: [TokenKind]
    ) throws(CheckpointError) -> MergeTable {
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
                // Nobody's text becomes a control token.
                guard kinds[Int(token)] != .control else { continue }
                merges.insert(leftID, rightID, .init(rank: Int32(rank), token: token))
            }
        }
        if let failure { throw failure }
        return merges
    }
}
