/// Cuts text into the pieces that byte-level BPE merges within. Each case is the regular expression of a model family,
/// written as a scanner: `Regex` is two orders of magnitude slower here.
///
/// A byte that is no part of valid UTF-8 counts as a character that is neither letter, number nor space.
package enum PreTokenizer: String, Sendable, CaseIterable {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    case gpt2 = "gpt-2"
    /// Every `\p{N}` stands alone; what lies between is cut as by gpt-2.
    case smollm
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    case llamaBPE = "llama-bpe"
    /// The same with `\p{N}` in place of `\p{N}{1,3}`.
    case qwen2

    /// Whether a piece that is a token as it stands is that token, whatever the merges would make of it.
    var prefersWholePiece: Bool { self == .llamaBPE }

    /// Calls `body` with every piece of `text`, in order, while it returns true; together they are the whole text.
    func forEachPiece(in text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Bool) {
        var start = 0
        if self == .smollm {
            while start < text.count {
                let segment = PieceScanner(text, end: firstNumber(in: text, from: start))
                while start < segment.end {
                    let end = segment.endOfGPT2Piece(from: start)
                    guard body(start..<end) else { return }
                    start = end
                }
                if start < text.count {
                    let end = start + PieceScanner(text, end: text.count).character(at: start).length
                    guard body(start..<end) else { return }
                    start = end
                }
            }
            return
        }
        let scanner = PieceScanner(text, end: text.count)
        while start < text.count {
            let end =
                switch self {
                case .gpt2, .smollm: scanner.endOfGPT2Piece(from: start)
                case .llamaBPE: scanner.endOfLlamaPiece(from: start, numbers: 3)
                case .qwen2: scanner.endOfLlamaPiece(from: start, numbers: 1)
                }
            guard body(start..<end) else { return }
            start = end
        }
    }

    private func firstNumber(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        let scanner = PieceScanner(text, end: text.count)
        var index = start
        while index < text.count {
            let character = scanner.character(at: index)
            if character.kind == .number { return index }
            index += character.length
        }
        return text.count
    }
}
