/// Where the next piece of a text ends, by the rules of one pre-tokenizer.
struct PieceScanner {
    let text: UnsafeBufferPointer<UInt8>
    /// The text ends here, for look-ahead too.
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
        let bytes = UnsafeBufferPointer(rebasing: text[index..<end])
        guard let (scalar, length) = UTF8Decoding.scalar(in: bytes) else { return (.other, 1) }
        return (CharacterKind(scalar), length)
    }

    private func endOfRun(of kind: CharacterKind, from start: Int) -> Int {
        var index = start
        while index < end {
            let next = character(at: index)
            guard next.kind == kind else { break }
            index += next.length
        }
        return index
    }

    func endOfGPT2Piece(from start: Int) -> Int {
        if text[start] == UInt8(ascii: "'"), let contraction = endOfContraction(from: start, ignoringCase: false) {
            return contraction
        }
        let body = text[start] == UInt8(ascii: " ") && start + 1 < end ? start + 1 : start
        let kind = character(at: body).kind
        return kind == .space ? endOfSpaces(from: start) : endOfRun(of: kind, from: body)
    }

    func endOfLlamaPiece(from start: Int, numbers: Int) -> Int {
        let byte = text[start]
        if byte == UInt8(ascii: "'"), let contraction = endOfContraction(from: start, ignoringCase: true) {
            return contraction
        }
        let first = character(at: start)
        let next = start + first.length
        switch first.kind {
        case .letter:
            return endOfRun(of: .letter, from: next)
        case .number:
            var index = next
            for _ in 1..<max(numbers, 2) where numbers > 1 && index < end {
                let digit = character(at: index)
                guard digit.kind == .number else { break }
                index += digit.length
            }
            return index
        case .space, .other:
            if !isNewline(byte), next < end, character(at: next).kind == .letter {
                return endOfRun(of: .letter, from: next)
            }
        }
        let body = byte == UInt8(ascii: " ") && next < end ? next : start
        if character(at: body).kind == .other {
            var index = endOfRun(of: .other, from: body)
            while index < end, isNewline(text[index]) { index += 1 }
            return index
        }
        let spaces = endOfRun(of: .space, from: start)
        if let newline = text[start..<spaces].lastIndex(where: isNewline) { return newline + 1 }
        return endOfSpaces(from: start)
    }

    private func isNewline(_ byte: UInt8) -> Bool { byte == 10 || byte == 13 }

    /// `\s+(?!\S)|\s+`: a run of spaces leaves its last one to the word that follows.
    private func endOfSpaces(from start: Int) -> Int {
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

    private func endOfContraction(from start: Int, ignoringCase: Bool) -> Int? {
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
        case (0xc5, 0xbf) where ignoringCase:  // U+017F, long s, which folds to s.
            return start + 3
        default:
            return nil
        }
    }
}
