/// The three splits of DeepSeek-V3's `tokenizer.json`: `\p{N}{1,3}`, then `[一-龥぀-ゟ゠-ヿ]+` in what is between those, then
/// the expression of `endOfDeepSeek3Piece` in what is between these.
extension PieceScanner {
    /// The end of the text that the first two splits leave whole.
    func endOfDeepSeek3Segment(from start: Int) -> Int {
        var index = start
        while index < end {
            let next = character(at: index)
            if next.kind == .number || isHanOrKana(at: index) { return index }
            index += next.length
        }
        return end
    }

    /// The piece of one of the first two splits.
    func endOfDeepSeek3NumberOrHan(from start: Int) -> Int {
        guard isHanOrKana(at: start) else { return endOfNumbers(from: start, most: 3) }
        var index = start
        while index < end, isHanOrKana(at: index) { index += 3 }
        return index
    }

    private func isHanOrKana(at index: Int) -> Bool {
        guard (0xe3...0xe9).contains(text[index]), let scalar = scalar(at: index)?.0.value else { return false }
        return (0x4e00...0x9fa5).contains(scalar) || (0x3040...0x30ff).contains(scalar)
    }

    /// ``[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*``,
    /// then `|\s*[\r\n]+|\s+(?!\S)|\s+`. What matches none of these is a piece, too, up to the next match.
    func endOfDeepSeek3Piece(from start: Int) -> Int {
        let byte = text[start]
        let first = character(at: start)
        let next = start + first.length
        if byte < 128, first.kind == .symbol, next < end, isASCIILetter(text[next]) {
            var index = next
            while index < end, isASCIILetter(text[index]) { index += 1 }
            return index
        }
        if first.kind.isIn(.letterOrMark) { return endOfRun(of: .letterOrMark, from: next) }
        if !isNewline(byte), first.kind != .symbol, isAny(of: .letterOrMark, at: next) {
            return endOfRun(of: .letterOrMark, from: next)
        }
        let body = byte == UInt8(ascii: " ") && next < end ? next : start
        if character(at: body).kind == .symbol { return endOfNewlines(from: endOfRun(of: .symbol, from: body)) }
        return first.kind == .space ? endOfSpacesOrNewlines(from: start) : endOfUnmatched(from: next)
    }

    private func endOfUnmatched(from start: Int) -> Int {
        var index = start
        while index < end {
            let next = character(at: index)
            guard next.kind == .other, !isAny(of: .letterOrMark, at: index + next.length) else { break }
            index += next.length
        }
        return index
    }

    private func isASCIILetter(_ byte: UInt8) -> Bool { (65...90).contains(byte & 0xdf) }
}
