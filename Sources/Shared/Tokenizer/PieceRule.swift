/// How text is cut into the pieces that byte-level BPE merges within. Each case is the regular expression of a model
/// family, written as a scanner: `Regex` is two orders of magnitude slower here.
enum PieceRule: Sendable {
    case gpt2
    /// Every `\p{N}` is a piece; the text between is cut as by `gpt2`.
    case smollm
    case llama3
    /// As `llama3`, with `\p{N}` in place of `\p{N}{1,3}`.
    case qwen2
    /// As `qwen2`, with `[\p{L}\p{M}]` in place of `\p{L}` in words.
    case qwen35
    case tekken
    /// As `tekken`, with contractions and `\p{N}{1,3}`.
    case gpt4o
    case deepSeek3

    /// Calls `body` with every piece of `text`, in order, until it returns false; together the pieces are the whole
    /// text.
    func forEachPiece(in text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Bool) {
        let scanner = PieceScanner(text, end: text.count)
        if self == .smollm || self == .deepSeek3 { return forEachSegmentPiece(in: scanner, body) }
        var start = 0
        while start < text.count {
            let end =
                switch self {
                case .gpt2, .smollm, .deepSeek3: scanner.endOfGPT2Piece(from: start)
                case .llama3: scanner.endOfLlama3Piece(from: start, numbers: 3, words: .letter, others: .noWord)
                case .qwen2: scanner.endOfLlama3Piece(from: start, numbers: 1, words: .letter, others: .noWord)
                case .qwen35:
                    scanner.endOfLlama3Piece(from: start, numbers: 1, words: .letterOrMark, others: .noWordOrMark)
                case .tekken: scanner.endOfCaseSplitPiece(from: start, numbers: 1, contractions: false)
                case .gpt4o: scanner.endOfCaseSplitPiece(from: start, numbers: 3, contractions: true)
                }
            guard body(start..<end) else { return }
            start = end
        }
    }

    /// The rules that first cut out some characters. Text never looks beyond its segment.
    private func forEachSegmentPiece(in whole: PieceScanner, _ body: (Range<Int>) -> Bool) {
        let isSmolLM = self == .smollm
        var start = 0
        while start < whole.end {
            let limit = isSmolLM ? whole.first(.number, from: start) : whole.endOfDeepSeek3Segment(from: start)
            let segment = PieceScanner(whole.text, end: limit)
            while start < limit {
                let end = isSmolLM ? segment.endOfGPT2Piece(from: start) : segment.endOfDeepSeek3Piece(from: start)
                guard body(start..<end) else { return }
                start = end
            }
            guard start < whole.end else { return }
            let end =
                isSmolLM ? start + whole.character(at: start).length : whole.endOfDeepSeek3NumberOrHan(from: start)
            guard body(start..<end) else { return }
            start = end
        }
    }
}
