/// SentencePiece's BPE (Kudo & Richardson 2018), as Llama 2, Mistral 7B, Phi-3 and Gemma use it. The characters of a
/// text are merged by the scores of the tokens that they become, the greatest first, leftmost among equals. A space is
/// spelled U+2581. A character without a token becomes the tokens of its bytes.
///
/// Differs from the library in two cases that cost information there: invalid UTF-8 becomes byte tokens, not those of
/// U+FFFD, and a token is only made of two others, never of a character that has no token.
struct SentencePieceBPE: Sendable {
    /// Whether a space is put before a text (not before one that continues another).
    let addsSpace: Bool
    let table: TokenTable
    let merges: MergeTable
    /// −1 for bytes that are no token.
    let asciiTokens: [Int32]
    let spaceToken: Int32
    let byteTokens: [Int32]
    let unknownToken: Int32?
    /// Whether no token has a space after another character. Words can then be merged one by one.
    let splitsAtSpaces: Bool

    /// U+2581, in which the vocabulary spells a space.
    static let escapedSpace: [UInt8] = [0xe2, 0x96, 0x81]

    /// Appends the tokens of a text without special ones until there are `limit`.
    /// - Parameter startsText: whether the text begins, or follows a special token.
    func encode(
        _ text: UnsafeBufferPointer<UInt8>, startsText: Bool, _ symbols: inout [Int32], _ merger: inout PieceMerger,
        upTo limit: Int, into output: inout [Int32]
    ) {
        symbols.removeAll(keepingCapacity: true)
        var afterUnknown = false
        var index = 0
        var needsSpace = addsSpace && startsText
        while needsSpace || index < text.count, output.count < limit {
            var length = 1
            var symbol: Int32
            if needsSpace {
                (symbol, length) = (spaceToken, 0)
            } else if text[index] < 128 {
                symbol = asciiTokens[Int(text[index])]
            } else {
                let rest = UnsafeBufferPointer(rebasing: text[index...])
                (symbol, length) = wideCharacter(rest)
            }
            if symbol >= 0 {
                if symbol == spaceToken, splitsAtSpaces, let last = symbols.last, last != spaceToken {
                    merger.merge(symbols, with: merges, into: &output)
                    symbols.removeAll(keepingCapacity: true)
                }
                symbols.append(symbol)
                afterUnknown = false
            } else {
                merger.merge(symbols, with: merges, into: &output)
                symbols.removeAll(keepingCapacity: true)
                if needsSpace || text[index] == UInt8(ascii: " ") {
                    appendBytes(Self.escapedSpace, &afterUnknown, to: &output)
                } else {
                    appendBytes(text[index..<index + length], &afterUnknown, to: &output)
                }
            }
            index += length
            needsSpace = false
        }
        if output.count < limit { merger.merge(symbols, with: merges, into: &output) }
    }

    private func wideCharacter(_ text: UnsafeBufferPointer<UInt8>) -> (token: Int32, length: Int) {
        guard let (scalar, length) = UTF8Decoding.scalar(in: text) else { return (-1, 1) }
        if scalar == "\u{2581}" { return (spaceToken, length) }
        return (table.id(of: UnsafeBufferPointer(rebasing: text[..<length])) ?? -1, length)
    }

    /// The tokens of a character that is none. Where bytes have no tokens, a run of such characters is one unknown token.
    private func appendBytes(
        _ bytes: some Sequence<UInt8>, _ afterUnknown: inout Bool, to output: inout [Int32]
    ) {
        if bytes.allSatisfy({ byteTokens[Int($0)] >= 0 }) {
            for byte in bytes { output.append(byteTokens[Int(byte)]) }
            afterUnknown = false
        } else if !afterUnknown, let unknownToken {
            output.append(unknownToken)
            afterUnknown = true
        }
    }
}
