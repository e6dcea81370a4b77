/// Control and user-defined tokens, found in text before anything else: leftmost first, longest among those.
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

    /// Calls `body` with every part of `text`, in order, while it returns true. Control tokens count only when asked for;
    /// user-defined ones are always tokens.
    func split(_ text: UnsafeBufferPointer<UInt8>, includingControl: Bool, _ body: (Part) -> Bool) {
        var start = 0
        if includingControl || ids.contains(where: { kinds[Int($0)] == .userDefined }) {
            var index = 0
            while index < text.count {
                guard begins[Int(text[index])], let id = match(text[index...], includingControl) else {
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

    private func match(_ text: Slice<UnsafeBufferPointer<UInt8>>, _ includingControl: Bool) -> Int32? {
        ids.first { (includingControl || kinds[Int($0)] == .userDefined) && text.starts(with: pieces[Int($0)]) }
    }
}
