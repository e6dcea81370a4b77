extension PieceScanner {
    /// The expression of Llama 3's `tokenizer.json`, with two sets left open:
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?W+|\p{N}{1,n}| ?P+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    /// - Parameters:
    ///   - numbers: n, the most digits in a piece.
    ///   - words: W, letters at least; marks, if among them, are not in `others`.
    ///   - others: P.
    @inline(__always)
    func endOfLlama3Piece(from start: Int, numbers: Int, words: CharacterKind, others: CharacterKind) -> Int {
        let byte = text[start]
        if byte == UInt8(ascii: "'"), let contraction = endOfContraction(from: start, ignoringCase: true) {
            return contraction
        }
        let first = character(at: start)
        let next = start + first.length
        if first.kind.isIn(words) { return endOfRun(of: words, from: next) }
        if first.kind == .number { return endOfNumbers(from: next, most: numbers - 1) }
        if !isNewline(byte), isAny(of: words, at: next) { return endOfRun(of: words, from: next) }
        let body = byte == UInt8(ascii: " ") && next < end ? next : start
        guard character(at: body).kind.isIn(others) else { return endOfSpacesOrNewlines(from: start) }
        return endOfNewlines(from: endOfRun(of: others, from: body))
    }
}
