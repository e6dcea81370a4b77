/// Words are cut where a lower-case letter precedes an upper-case one: `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*` and
/// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]+` share the letters without case, and the marks.
extension PieceScanner {
    /// The expression of Mistral Nemo's and GPT-4o's `tokenizer.json`; U is `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, L is
    /// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`, C nothing or `(?i:'s|'t|'re|'ve|'m|'ll|'d)?`:
    /// `[^\r\n\p{L}\p{N}]?U*L+C|[^\r\n\p{L}\p{N}]?U+L*C|\p{N}{1,n}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    /// - Parameters:
    ///   - numbers: n, the most digits in a piece.
    ///   - contractions: whether C is there.
    @inline(__always)
    func endOfCaseSplitPiece(from start: Int, numbers: Int, contractions: Bool) -> Int {
        let byte = text[start]
        let first = character(at: start)
        let next = start + first.length
        if first.kind == .number { return endOfNumbers(from: next, most: numbers - 1) }
        if let word = endOfCasedWord(from: start, first.kind, next) {
            guard contractions, word < end, text[word] == UInt8(ascii: "'") else { return word }
            return endOfContraction(from: word, ignoringCase: true) ?? word
        }
        let body = byte == UInt8(ascii: " ") && next < end ? next : start
        guard character(at: body).kind.isIn(.noWord) else { return endOfSpacesOrNewlines(from: start) }
        return endOfNewlines(from: endOfRun(of: .noWord, from: body), orSlashes: true)
    }

    /// `[^\r\n\p{L}\p{N}]?U*L+|[^\r\n\p{L}\p{N}]?U+L*`
    private func endOfCasedWord(from start: Int, _ first: CharacterKind, _ next: Int) -> Int? {
        if first.isIn(.letter) { return endOfLowerWord(from: start) ?? endOfRun(of: .upper, from: next) }
        guard !isNewline(text[start]) else { return nil }
        if isAny(of: .letterOrMark, at: next), let word = endOfLowerWord(from: next) { return word }
        // A mark is both what may precede a word and what may be in one.
        if first == .mark { return endOfLowerWord(from: start) }
        let word = endOfRun(of: .upper, from: next)
        return word > next ? word : nil
    }

    /// `U*L+`. Where no lower-case letter follows what U* takes, it gives back all after its last caseless letter or
    /// mark, which is then L+.
    private func endOfLowerWord(from start: Int) -> Int? {
        var index = start
        var shared: Int?
        while index < end {
            let next = character(at: index)
            guard next.kind.isIn(.notLower) else {
                if next.kind == .lower { return endOfRun(of: .notUpper, from: index) }
                break
            }
            index += next.length
            if next.kind != .upper { shared = index }
        }
        return shared
    }
}
