/// Finds the end of a text's next piece. Each rule of cutting adds a method in a file of its own; what they share is
/// here.
///
/// A byte that is not part of valid UTF-8 counts as a symbol, as U+FFFD in its place would.
struct PieceScanner {
    let text: UnsafeBufferPointer<UInt8>
    /// The end of the text, for look-ahead too.
    let end: Int
    private let ascii = CharacterKind.ascii.withUnsafeBufferPointer { $0 }

    init(_ text: UnsafeBufferPointer<UInt8>, end: Int) {
        self.text = text
        self.end = end
    }

    /// The character at `index`: its class and its length in bytes.
    @inline(__always)
    func character(at index: Int) -> (kind: CharacterKind, length: Int) {
        let byte = text[index]
        if byte < 128 { return (ascii[Int(byte)], 1) }
        return wideCharacter(at: index)
    }

    private func wideCharacter(at index: Int) -> (kind: CharacterKind, length: Int) {
        guard let (scalar, length) = scalar(at: index) else { return (.symbol, 1) }
        return (CharacterKind(scalar), length)
    }

    func scalar(at index: Int) -> (Unicode.Scalar, length: Int)? {
        UTF8Decoding.scalar(in: UnsafeBufferPointer(rebasing: text[index..<end]))
    }

    /// Whether a character of one of `kinds` is at `index`; false at the end.
    @inline(__always)
    func isAny(of kinds: CharacterKind, at index: Int) -> Bool { index < end && character(at: index).kind.isIn(kinds) }

    /// The end of the longest run of characters of `kinds`.
    @inline(__always)
    func endOfRun(of kinds: CharacterKind, from start: Int) -> Int {
        var index = start
        while index < end {
            let next = character(at: index)
            guard next.kind.isIn(kinds) else { break }
            index += next.length
        }
        return index
    }

    /// `\p{N}{0,most}`
    func endOfNumbers(from start: Int, most: Int) -> Int {
        var index = start
        for _ in 0..<most where index < end {
            let digit = character(at: index)
            guard digit.kind == .number else { break }
            index += digit.length
        }
        return index
    }

    /// The first character of one of `kinds` from `start` on; the end of the text if there is none.
    func first(_ kinds: CharacterKind, from start: Int) -> Int {
        var index = start
        while index < end {
            let character = character(at: index)
            if character.kind.isIn(kinds) { return index }
            index += character.length
        }
        return end
    }

    @inline(__always)
    func isNewline(_ byte: UInt8) -> Bool { byte == 10 || byte == 13 }

    func endOfNewlines(from start: Int, orSlashes: Bool = false) -> Int {
        var index = start
        while index < end, isNewline(text[index]) || orSlashes && text[index] == UInt8(ascii: "/") { index += 1 }
        return index
    }

    /// `\s*[\r\n]+|\s+(?!\S)|\s+`
    func endOfSpacesOrNewlines(from start: Int) -> Int {
        let spaces = endOfRun(of: .space, from: start)
        if let newline = text[start..<spaces].lastIndex(where: isNewline) { return newline + 1 }
        return endOfSpaces(from: start)
    }

    /// `\s+(?!\S)|\s+`: a run of spaces leaves its last one to the following word.
    func endOfSpaces(from start: Int) -> Int {
        var index = start
        var last = start
        while index < end {
            let next = character(at: index)
            guard next.kind == .space else { return last > start ? last : index }
            last = index
            index += next.length
        }
        return index
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d`, or the same within `(?i:…)`; nil if the apostrophe at `start` begins none of them.
    func endOfContraction(from start: Int, ignoringCase: Bool) -> Int? {
        func letter(_ offset: Int) -> UInt8 {
            guard start + offset < end else { return 0 }
            let byte = text[start + offset]
            return ignoringCase && (65...90).contains(byte) ? byte + 32 : byte
        }
        switch (letter(1), letter(2)) {
        case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _):
            return start + 2
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return start + 3
        case (0xc5, 0xbf) where ignoringCase:  // U+017F, long s, folds to s.
            return start + 3
        default:
            return nil
        }
    }
}
