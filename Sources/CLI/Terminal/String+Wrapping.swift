extension String {
    /// The text with lines of more than `columns` columns wrapped, continuation lines indented.
    /// - Parameters:
    ///   - columns: nil for no limit.
    ///   - indent: spaces before a continuation line.
    ///   - atCommas: whether to break only after commas if possible, for lists of phrases.
    func wrapped(to columns: Int?, indent: Int = 0, atCommas: Bool = false) -> String {
        guard let columns else { return self }
        let indent = String(repeating: " ", count: min(indent, columns / 2))
        return split(separator: "\n", omittingEmptySubsequences: false)
            .map { Self.wrap($0, columns, indent, atCommas) }.joined(separator: "\n")
    }

    private static func wrap(_ line: Substring, _ columns: Int, _ indent: String, _ atCommas: Bool) -> String {
        guard line.count > columns else { return String(line) }
        var rows: [String] = []
        var row = ""
        func add(_ piece: String) {
            if row.count + piece.withoutSpaces.count > columns, row.contains(where: { $0 != " " }) {
                rows.append(row.withoutSpaces)
                row = indent
            }
            row += piece
        }
        for piece in pieces(line, endingIn: { !atCommas || $0.hasSuffix(",") }) {
            if indent.count + piece.withoutSpaces.count <= columns {
                add(piece)
            } else {
                for word in pieces(piece[...], endingIn: { _ in true }) { add(word) }
            }
        }
        return (rows + [row]).joined(separator: "\n")
    }

    /// The text split after each word that ends a piece, including the following space.
    private static func pieces(_ text: Substring, endingIn isEnd: (Substring) -> Bool) -> [String] {
        var pieces = [""]
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        for (index, word) in words.enumerated() {
            pieces[pieces.count - 1] += word + (index + 1 < words.count ? " " : "")
            if !word.isEmpty, isEnd(word) { pieces.append("") }
        }
        return pieces.filter { !$0.isEmpty }
    }

    /// The text without trailing spaces.
    private var withoutSpaces: String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
