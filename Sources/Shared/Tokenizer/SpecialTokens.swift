/// Control and user-defined tokens, matched before anything else: leftmost first, the longest among those.
struct SpecialTokens: Sendable {
    enum Part {
        case text(Range<Int>)
        case token(Int32)
    }

    private let all: PrefixSearch
    private let userDefined: PrefixSearch
    /// Tokens that take the white space after them with them.
    private let strippingRight: Set<Int32>

    init(_ pieces: ByteStrings, _ kinds: [TokenKind], strippingRight: Set<Int32> = []) {
        let ids = kinds.indices.lazy.filter { kinds[$0] == .control || kinds[$0] == .userDefined }.map(Int32.init)
            .filter { !pieces[Int($0)].isEmpty }
        all = PrefixSearch(pieces, ids)
        userDefined = PrefixSearch(pieces, ids.filter { kinds[Int($0)] == .userDefined })
        self.strippingRight = strippingRight
    }

    /// The control or user-defined token spelled `text`.
    func token(spelled text: String) -> Int32? {
        Array(text.utf8).withUnsafeBufferPointer { bytes in
            guard !bytes.isEmpty, let (id, length) = all.longest(in: bytes, at: 0) else { return nil }
            return length == bytes.count ? id : nil
        }
    }

    /// Calls `body` with every part of `text`, in order, until it returns false. User-defined tokens are matched
    /// anywhere.
    /// - Parameters:
    ///   - spans: where control tokens are matched: ascending; a token must lie inside one of them.
    ///   - previous: the token before the text.
    func split(
        _ text: UnsafeBufferPointer<UInt8>, controlIn spans: [Range<Int>], after previous: Int32? = nil,
        _ body: (Part) -> Bool
    ) {
        var spans = spans[...]
        var start = previous.map { endOfStripped(text, from: 0, after: $0) } ?? 0
        var index = (spans.isEmpty ? userDefined : all).isEmpty ? text.count : start
        while index < text.count {
            while let first = spans.first, first.upperBound <= index { spans.removeFirst() }
            let controlEnd = spans.first.flatMap { $0.lowerBound <= index ? $0.upperBound : nil }
            guard let (id, length) = longest(in: text, at: index, controlBefore: controlEnd) else {
                index += 1
                continue
            }
            if start < index, !body(.text(start..<index)) { return }
            guard body(.token(id)) else { return }
            start = endOfStripped(text, from: index + length, after: id)
            index = start
        }
        if start < text.count { _ = body(.text(start..<text.count)) }
    }

    /// - Parameter end: where a control token must end at the latest; nil: none is matched.
    private func longest(
        in text: UnsafeBufferPointer<UInt8>, at index: Int, controlBefore end: Int?
    ) -> (id: Int32, length: Int)? {
        let own = userDefined.longest(in: text, at: index)
        guard let end, let any = all.longest(in: UnsafeBufferPointer(rebasing: text[..<end]), at: index) else {
            return own
        }
        return own.map { $0.length > any.length ? $0 : any } ?? any
    }

    private func endOfStripped(_ text: UnsafeBufferPointer<UInt8>, from start: Int, after token: Int32) -> Int {
        guard !strippingRight.isEmpty, strippingRight.contains(token) else { return start }
        return text[start...].firstIndex { $0 != 32 && !(9...13).contains($0) } ?? text.count
    }
}
