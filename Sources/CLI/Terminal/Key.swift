/// What a person did at the keyboard.
enum Key: Equatable {
    case text(String)
    /// Came as one, with whatever lines it has.
    case paste(String)
    case enter, newline
    case left, right, up, down, home, end, wordLeft, wordRight
    case backspace, delete, deleteWord, deleteToStart, deleteToEnd
    case clearScreen, interrupt, endOfInput
}
