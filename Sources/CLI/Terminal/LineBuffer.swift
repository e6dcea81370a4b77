/// The text being typed, of one or more lines, with a cursor and a history.
struct LineBuffer {
    enum Outcome: Equatable {
        case editing, clearScreen
        case submitted(String)
        case interrupted, ended
    }

    private(set) var characters: [Character] = []
    /// Characters before the cursor.
    private(set) var cursor = 0
    private let history: [String]
    /// The history index that the text is from; the history's count for none.
    private var place: Int
    /// What was typed before the history was browsed.
    private var own = ""

    init(history: [String] = []) {
        self.history = history
        place = history.count
    }

    var text: String { String(characters) }

    mutating func apply(_ key: Key) -> Outcome {
        switch key {
        case .text(let text), .paste(let text): insert(text)
        case .newline: insert("\n")
        case .enter:
            // A backslash at the end continues on the next line.
            guard cursor == characters.count, characters.last == "\\" else { return .submitted(text) }
            characters[cursor - 1] = "\n"
        case .left: cursor = max(cursor - 1, 0)
        case .right: cursor = min(cursor + 1, characters.count)
        case .wordLeft: cursor = wordStart
        case .wordRight: cursor = wordEnd
        case .home: cursor = lineStart
        case .end: cursor = lineEnd
        case .up: if !moveLine(up: true) { recall(place - 1) }
        case .down: if !moveLine(up: false) { recall(place + 1) }
        case .backspace: remove(max(cursor - 1, 0)..<cursor)
        case .delete: remove(cursor..<min(cursor + 1, characters.count))
        case .deleteWord: remove(wordStart..<cursor)
        case .deleteToStart: remove(lineStart..<cursor)
        case .deleteToEnd: remove(cursor..<lineEnd)
        case .clearScreen: return .clearScreen
        case .interrupt:
            guard !characters.isEmpty else { return .interrupted }
            (characters, cursor, place) = ([], 0, history.count)
        case .endOfInput:
            guard !characters.isEmpty else { return .ended }
            remove(cursor..<min(cursor + 1, characters.count))
        }
        return .editing
    }

    /// Moves the cursor after the last line, for what is printed next.
    mutating func moveToEnd() { cursor = characters.count }

    private mutating func insert(_ text: String) {
        let before = String(characters[..<cursor]) + text  // A combining mark may join the character before it.
        let after = characters[cursor...]
        characters = Array(before) + after
        cursor = before.count
    }

    private mutating func remove(_ range: Range<Int>) {
        characters.removeSubrange(range)
        cursor = range.lowerBound
    }

    private var lineStart: Int { (characters[..<cursor].lastIndex(of: "\n") ?? -1) + 1 }
    private var lineEnd: Int { characters[cursor...].firstIndex(of: "\n") ?? characters.count }

    private var wordStart: Int {
        let word = characters[..<cursor].lastIndex { !$0.isWhitespace } ?? -1
        return (characters[..<max(word, 0)].lastIndex(where: \.isWhitespace) ?? -1) + 1
    }

    private var wordEnd: Int {
        let word = characters[cursor...].firstIndex { !$0.isWhitespace } ?? characters.count
        return characters[word...].firstIndex(where: \.isWhitespace) ?? characters.count
    }

    /// Moves to the line above or below, keeping the column; returns false if there is none.
    private mutating func moveLine(up: Bool) -> Bool {
        let column = cursor - lineStart
        guard up ? lineStart > 0 : lineEnd < characters.count else { return false }
        cursor = up ? lineStart - 1 : lineEnd + 1
        cursor = min(lineStart + column, lineEnd)
        return true
    }

    private mutating func recall(_ new: Int) {
        guard (0...history.count).contains(new) else { return }
        if place == history.count { own = text }
        place = new
        characters = Array(new == history.count ? own : history[new])
        cursor = characters.count
    }

    // MARK: Picture

    struct Picture: Equatable {
        var rows: [String]
        var cursorRow: Int
        var cursorColumn: Int
    }

    /// The text as shown on a terminal with this many columns: the prompt before the first line, an indent of the same
    /// width before the others.
    func picture(prompt: String, columns: Int) -> Picture {
        let indent = String(repeating: " ", count: prompt.count)
        var picture = Picture(rows: [prompt], cursorRow: 0, cursorColumn: prompt.count)
        var column = prompt.count
        for (index, character) in (characters + ["\n"]).enumerated() {
            let width = character == "\n" ? 0 : character.columns
            // On a completely filled row, terminals differ in where they leave the cursor.
            if column + width >= columns, column > prompt.count {
                picture.rows.append(indent)
                column = prompt.count
            }
            if index == cursor { (picture.cursorRow, picture.cursorColumn) = (picture.rows.count - 1, column) }
            if character == "\n" {
                guard index < characters.count else { break }
                picture.rows.append(indent)
                column = prompt.count
            } else {
                picture.rows[picture.rows.count - 1].append(character)
                column += width
            }
        }
        return picture
    }
}
