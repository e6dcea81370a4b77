/// Control and user-defined tokens, matched before anything else: leftmost first, the longest among those.
struct SpecialTokens: Sendable {
    enum Part {
        case text(Range<Int>)
        case token(Int32)
    }

    /// Longest first.
    let ids: [Int32]
    private let pieces: ByteStrings
    private let kinds: [TokenKind]
    private let begins: [Bool]

    init(_ pieces: ByteStrings, _ kinds: [TokenKind]) {
        self.pieces = pieces
        self.kinds = kinds
        ids = kinds.indices.lazy.filter { kinds[$0] == .control || kinds[$0] == .userDefined }.map(Int32.init)
            .filter { !pieces[Int($0)].isEmpty }.sorted { (pieces[Int($0)].count, $1) > (pieces[Int($1)].count, $0) }
        var begins = [Bool](repeating: false, count: 256)
        for id in ids { begins[Int(pieces[Int(id)].first!)] = true }
        self.begins = begins
    }

    /// Calls `body` with every part of `text`, in order, until it returns false. Control tokens are matched only where
    /// they lie inside one of `spans`, which are ascending; user-defined ones everywhere.
    func split(_ text: UnsafeBufferPointer<UInt8>, controlIn spans: [Range<Int>], _ body: (Part) -> Bool) {
        var start = 0
        if !spans.isEmpty || ids.contains(where: { kinds[Int($0)] == .userDefined }) {
            var spans = spans[...]
            var index = 0
            while index < text.count {
                while let first = spans.first, first.upperBound <= index { spans.removeFirst() }
                let controlEnd = spans.first.flatMap { $0.lowerBound <= index ? $0.upperBound : nil } ?? 0
                guard begins[Int(text[index])], let id = match(text[index...], controlBefore: controlEnd) else {
                    index += 1
                    continue
                }
                if start < index, !body(.text(start..<index)) { return }
                guard body(.token(id)) else { return }
                index += pieces[Int(id)].count
                start = index
            }
        }
        if start < text.count { _ = body(.text(start..<text.count)) }
    }

    /// - Parameter end: where control tokens must end at the latest.
    private func match(_ text: Slice<UnsafeBufferPointer<UInt8>>, controlBefore end: Int) -> Int32? {
        ids.first { id in
            let piece = pieces[Int(id)]
            return (text.startIndex + piece.count <= end || kinds[Int(id)] == .userDefined) && text.starts(with: piece)
        }
    }
}
