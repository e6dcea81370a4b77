/// A key press, or a paste.
enum Key: Equatable {
    case text(String)
    /// Pasted as a whole, possibly with several lines.
    case paste(String)
    case enter, newline
    case left, right, up, down, home, end, wordLeft, wordRight
    case backspace, delete, deleteWord, deleteToStart, deleteToEnd
    case clearScreen, interrupt, endOfInput
}
