extension SentencePieceBPE {
    /// Tokens longer than this are never made by merging, so that no vocabulary is slow to load.
    private static let longestMerged = 1024

    /// - Parameters:
    ///   - texts: the vocabulary as the checkpoint spells it.
    ///   - pieces: the bytes of each token.
    init(
        _ metadata: Metadata, texts: ByteStrings, pieces: ByteStrings, kinds: [TokenKind], unknownToken: Int32?
    ) throws(CheckpointError) {
        if try metadata.optionalBool("tokenizer.ggml.remove_extra_whitespaces") == true {
            throw .invalid(key: "tokenizer.ggml.remove_extra_whitespaces", value: true, expected: "false")
        }
        addsSpace = try metadata.optionalBool("tokenizer.ggml.add_space_prefix") ?? true
        let scores = try metadata.floats("tokenizer.ggml.scores")
        guard scores.count == texts.count, scores.allSatisfy({ !$0.isNaN }) else {
            throw .invalid(
                key: "tokenizer.ggml.scores", value: "an array of \(scores.count)",
                expected: "\(texts.count) numbers, one per token")
        }
        // A token with a literal space cannot be reached: every space of a text is spelled U+2581.
        let space = UInt8(ascii: " ")
        let isReachable = texts.indices.map { kinds[$0] == .normal && !texts[$0].contains(space) }
        let table = TokenTable(pieces, where: { isReachable[$0] })
        asciiTokens = (0..<128).map { Self.id(of: [UInt8($0)], in: table) }
        spaceToken = Self.id(of: [space], in: table)
        byteTokens = Self.byteTokens(pieces, kinds)
        splitsAtSpaces = pieces.indices.allSatisfy { !isReachable[$0] || !Self.hasInnerSpace(pieces[$0]) }
        merges = Self.merges(pieces, scores, table, isReachable)
        self.table = table
        self.unknownToken = unknownToken
    }

    /// The bytes that a token spelled `text` stands for.
    static func appendPiece(_ text: UnsafeBufferPointer<UInt8>, _ kind: TokenKind, to buffer: inout [UInt8]) {
        if kind == .byte, let byte = byte(spelled: text) { return buffer.append(byte) }
        guard kind == .normal || kind == .userDefined else { return buffer += text }
        var index = 0
        while index < text.count {
            if text[index...].starts(with: escapedSpace) {
                buffer.append(UInt8(ascii: " "))
                index += escapedSpace.count
            } else {
                buffer.append(text[index])
                index += 1
            }
        }
    }

    /// The byte of `<0x00>` to `<0xFF>`.
    private static func byte(spelled text: UnsafeBufferPointer<UInt8>) -> UInt8? {
        guard text.count == 6, text.starts(with: "<0x".utf8), text[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: text[3..<5], as: UTF8.self), radix: 16)
    }

    static func spelling(ofByte byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "<0x\(digits.count < 2 ? "0" : "")\(digits)>"
    }

    private static func id(of text: [UInt8], in table: TokenTable) -> Int32 {
        text.withUnsafeBufferPointer { table.id(of: $0) } ?? -1
    }

    private static func byteTokens(_ pieces: ByteStrings, _ kinds: [TokenKind]) -> [Int32] {
        var tokens = [Int32](repeating: -1, count: 256)
        for id in kinds.indices where kinds[id] == .byte && pieces[id].count == 1 {
            tokens[Int(pieces[id].first!)] = Int32(id)
        }
        return tokens
    }

    private static func hasInnerSpace(_ piece: ArraySlice<UInt8>) -> Bool {
        piece.drop { $0 == UInt8(ascii: " ") }.contains(UInt8(ascii: " "))
    }

    /// Every way in which a token is two others. Its rank is the place of its score among all, equal for equal scores.
    private static func merges(
        _ pieces: ByteStrings, _ scores: [Float], _ table: TokenTable, _ isReachable: [Bool]
    ) -> MergeTable {
        var found: [(left: Int32, right: Int32, token: Int32)] = []
        pieces.bytes.withUnsafeBufferPointer { bytes in
            for token in pieces.indices where isReachable[token] {
                let range = pieces.range(token)
                guard (2...longestMerged).contains(range.count) else { continue }
                for cut in range.dropFirst() where bytes[cut] & 0xc0 != 0x80 {
                    guard let left = table.id(of: UnsafeBufferPointer(rebasing: bytes[range.lowerBound..<cut])),
                        let right = table.id(of: UnsafeBufferPointer(rebasing: bytes[cut..<range.upperBound]))
                    else { continue }
                    found.append((left, right, Int32(token)))
                }
            }
        }
        let tokens = Set(found.map(\.token)).sorted { scores[Int($0)] > scores[Int($1)] }
        var ranks: [Int32: Int32] = [:]
        var rank = Int32(-1)
        var last: Float?
        for token in tokens {
            if scores[Int(token)] != last { rank += 1 }
            last = scores[Int(token)]
            ranks[token] = rank
        }
        var merges = MergeTable(count: found.count)
        for (left, right, token) in found { merges.insert(left, right, .init(rank: ranks[token]!, token: token)) }
        return merges
    }
}
