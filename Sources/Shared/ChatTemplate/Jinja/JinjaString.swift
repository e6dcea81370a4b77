/// Text as Python sees it, a sequence of code points, that knows which of them come from outside the template.
///
/// Cutting and joining keep the origin of every character. Comparing and hashing ignore it.
package struct JinjaString: Sendable {
    package private(set) var scalars: [Unicode.Scalar] = []
    /// Where the characters are that come from the conversation: ascending, neither empty nor adjacent.
    package private(set) var foreign: [Range<Int>] = []

    package init() {}

    /// - Parameter isForeign: whether the text comes from the conversation rather than the template.
    package init(_ text: String, isForeign: Bool = false) {
        self.init(Array(text.unicodeScalars), isForeign: isForeign)
    }

    package init(_ scalars: [Unicode.Scalar], isForeign: Bool = false) {
        self.scalars = scalars
        if isForeign, !scalars.isEmpty { foreign = [0..<scalars.count] }
    }

    package var count: Int { scalars.count }
    package var isEmpty: Bool { scalars.isEmpty }

    package var text: String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return String(text)
    }

    package subscript(range: Range<Int>) -> JinjaString {
        if range == 0..<count { return self }
        var part = JinjaString(Array(scalars[range]))
        for span in foreign where span.overlaps(range) {
            let span = span.clamped(to: range)
            part.foreign.append(span.lowerBound - range.lowerBound..<span.upperBound - range.lowerBound)
        }
        return part
    }

    package mutating func append(_ other: JinjaString) {
        let start = count
        scalars += other.scalars
        for span in other.foreign { markForeign(start + span.lowerBound..<start + span.upperBound) }
    }

    package mutating func append(_ scalar: Unicode.Scalar, isForeign: Bool) {
        scalars.append(scalar)
        if isForeign { markForeign(count - 1..<count) }
    }

    /// Appends the template's own text.
    package mutating func append(_ text: some StringProtocol) { scalars.append(contentsOf: text.unicodeScalars) }

    /// Appends characters whose origin is that of others.
    package mutating func append(_ scalars: some Sequence<Unicode.Scalar>, isForeign: Bool) {
        let start = count
        self.scalars.append(contentsOf: scalars)
        if isForeign, count > start { markForeign(start..<count) }
    }

    private mutating func markForeign(_ span: Range<Int>) {
        if let last = foreign.last, last.upperBound == span.lowerBound {
            foreign[foreign.count - 1] = last.lowerBound..<span.upperBound
        } else {
            foreign.append(span)
        }
    }

    /// Calls `body` with every character and whether it comes from the conversation.
    package func forEach(_ body: (Unicode.Scalar, Bool) -> Void) {
        var span = 0
        for (index, scalar) in scalars.enumerated() {
            while span < foreign.count, foreign[span].upperBound <= index { span += 1 }
            body(scalar, span < foreign.count && foreign[span].contains(index))
        }
    }

    /// The text with each character replaced by some, which inherit its origin.
    package func mapped(_ body: (Unicode.Scalar) -> String) -> JinjaString {
        var result = JinjaString()
        result.scalars.reserveCapacity(count)
        forEach { scalar, isForeign in result.append(body(scalar).unicodeScalars, isForeign: isForeign) }
        return result
    }

    /// Whether the character at `index` comes from the conversation. O(log spans).
    package func isForeign(at index: Int) -> Bool {
        var low = 0
        var high = foreign.count
        while low < high {
            let middle = (low + high) / 2
            if foreign[middle].upperBound <= index { low = middle + 1 } else { high = middle }
        }
        return low < foreign.count && foreign[low].contains(index)
    }

    /// The characters at `indices`, in that order.
    package func picking(_ indices: some Sequence<Int>) -> JinjaString {
        var result = JinjaString()
        for index in indices { result.append(scalars[index], isForeign: isForeign(at: index)) }
        return result
    }

    /// The conversation's and the template's text by turns.
    package var parts: [ChatTemplate.Part] {
        var parts: [ChatTemplate.Part] = []
        var position = 0
        for span in foreign {
            if position < span.lowerBound { parts.append(.template(self[position..<span.lowerBound].text)) }
            parts.append(.content(self[span].text))
            position = span.upperBound
        }
        if position < count { parts.append(.template(self[position..<count].text)) }
        return parts
    }
}

extension JinjaString: Hashable, Comparable, ExpressibleByStringLiteral {
    package init(stringLiteral text: String) { self.init(text) }

    package static func == (a: JinjaString, b: JinjaString) -> Bool { a.scalars == b.scalars }

    package static func < (a: JinjaString, b: JinjaString) -> Bool { a.scalars.lexicographicallyPrecedes(b.scalars) }

    package func hash(into hasher: inout Hasher) { hasher.combine(scalars) }
}
