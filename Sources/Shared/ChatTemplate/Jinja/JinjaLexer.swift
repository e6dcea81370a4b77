/// Cuts a template into tokens: text, and what is inside the tags.
///
/// White space goes as chat templates expect: the line break after a block or comment goes (trim_blocks), so does what
/// stands before one in its line (lstrip_blocks); a minus takes all white space on its side, a plus keeps it.
struct JinjaLexer {
    var scalars: [Unicode.Scalar]
    var index = 0
    var line = 1
    var tokens: [JinjaToken] = []
    /// Whether the last tag took a line break with it.
    private var startsLine = true

    /// - Throws: `JinjaError` of kind syntax.
    static func tokens(of source: String) throws(JinjaError) -> [JinjaToken] {
        var lexer = JinjaLexer(source)
        while try lexer.readTextAndTag() {}
        lexer.tokens.append(JinjaToken(kind: .end, line: lexer.line))
        return lexer.tokens
    }

    private init(_ source: String) {
        scalars = []
        scalars.reserveCapacity(source.utf8.count)
        var previous: Unicode.Scalar = " "
        for scalar in source.unicodeScalars {
            if scalar == "\r" {
                scalars.append("\n")
            } else if scalar != "\n" || previous != "\r" {
                scalars.append(scalar)
            }
            previous = scalar
        }
        if scalars.last == "\n" { scalars.removeLast() }
    }

    // MARK: Outside the tags

    /// Reads text up to a tag, and the tag; false at the end.
    private mutating func readTextAndTag() throws(JinjaError) -> Bool {
        let start = index
        while index < scalars.count, !(at("{{") || at("{%") || at("{#")) { index += 1 }
        guard index < scalars.count else {
            emitText(start..<index)
            return false
        }
        let mark = scalars[index + 1]
        let sign: Unicode.Scalar? = at("-", 2) ? "-" : at("+", 2) ? "+" : nil
        emitText(strippingEnd(of: start..<index, sign, isOutput: mark == "{"))
        index += sign == nil ? 2 : 3
        switch mark {
        case "{":
            emit(.outputBegin)
            try readInside(isOutput: true)
        case "#": try skipComment()
        default:
            if let after = endOfTag("raw", from: index, trims: false) {
                index = after
                try readRaw()
            } else {
                emit(.blockBegin)
                try readInside(isOutput: false)
            }
        }
        return true
    }

    /// What stays of the text before a tag.
    private func strippingEnd(of text: Range<Int>, _ sign: Unicode.Scalar?, isOutput: Bool) -> Range<Int> {
        var end = text.upperBound
        if sign == "-" {
            while end > text.lowerBound, scalars[end - 1].isPythonSpace { end -= 1 }
        } else if sign == nil, !isOutput {
            while end > text.lowerBound, scalars[end - 1] != "\n", scalars[end - 1].isPythonSpace { end -= 1 }
            let isWholeLine = end > text.lowerBound ? scalars[end - 1] == "\n" : startsLine
            if !isWholeLine { end = text.upperBound }
        }
        return text.lowerBound..<end
    }

    private mutating func emitText(_ range: Range<Int>) {
        if !range.isEmpty { emit(.data(JinjaString(Array(scalars[range])))) }
        line += scalars[range.lowerBound..<index].count { $0 == "\n" }
    }

    private mutating func skipComment() throws(JinjaError) {
        let start = index
        while index < scalars.count, !at("#}") { index += 1 }
        guard index < scalars.count else { throw error("a comment without an end", expected: "'#}'") }
        let sign: Unicode.Scalar? = index > start ? scalars[index - 1] : nil
        index += 2
        skipSpace(after: sign, trims: true)
        line += scalars[start..<index].count { $0 == "\n" }
    }

    private mutating func readRaw() throws(JinjaError) {
        let start = index
        while index < scalars.count {
            let sign: Unicode.Scalar? = at("-", 2) ? "-" : at("+", 2) ? "+" : nil
            if at("{%"), let after = endOfTag("endraw", from: index + (sign == nil ? 2 : 3), trims: true) {
                emitText(strippingEnd(of: start..<index, sign, isOutput: false))
                line += scalars[index..<after].count { $0 == "\n" }
                index = after
                startsLine = scalars[index - 1] == "\n"
                return
            }
            index += 1
        }
        throw error("'raw' without an end", expected: "'{% endraw %}'")
    }

    /// Where a tag that is only `word` ends; nil if this is not one.
    private func endOfTag(_ word: String, from start: Int, trims: Bool) -> Int? {
        var copy = self
        copy.index = start
        while copy.index < scalars.count, scalars[copy.index].isPythonSpace { copy.index += 1 }
        guard copy.at(word) else { return nil }
        copy.index += word.count
        while copy.index < scalars.count, scalars[copy.index].isPythonSpace { copy.index += 1 }
        let sign: Unicode.Scalar? = copy.at("-%}") ? "-" : trims && copy.at("+%}") ? "+" : nil
        if sign != nil { copy.index += 1 }
        guard copy.at("%}") else { return nil }
        copy.index += 2
        copy.skipSpace(after: sign, trims: trims)
        return copy.index
    }

    // MARK: Pieces

    /// Skips what goes with the end of a tag.
    mutating func skipSpace(after sign: Unicode.Scalar?, trims: Bool) {
        if sign == "-" {
            while index < scalars.count, scalars[index].isPythonSpace { index += 1 }
        } else if sign != "+", trims, at("\n") {
            index += 1
        }
        startsLine = scalars[index - 1] == "\n"
    }

    func at(_ text: StaticString, _ offset: Int = 0) -> Bool {
        text.withUTF8Buffer { bytes in
            let start = index + offset
            guard start + bytes.count <= scalars.count else { return false }
            return bytes.indices.allSatisfy { scalars[start + $0].value == UInt32(bytes[$0]) }
        }
    }

    private func at(_ word: String) -> Bool { scalars[index...].starts(with: word.unicodeScalars) }

    mutating func emit(_ kind: JinjaToken.Kind) { tokens.append(JinjaToken(kind: kind, line: line)) }

    func error(_ message: String, expected: String? = nil) -> JinjaError {
        JinjaError(.syntax, line: line, message, expected: expected)
    }
}
