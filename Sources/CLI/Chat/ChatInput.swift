import Foundation

/// A line of a chat: something to say, or a command.
enum ChatInput: Equatable {
    case message(String)
    case help, reset, retry, exit
    /// nil asks for the current one.
    case system(String?)
    case save(String), load(String)
    /// What is wrong with a command.
    case mistake(String)

    static let list = """
        /help           this list
        /reset          begin anew; the system message stays
        /system TEXT    change the system message, without TEXT: show it
        /retry          another answer to the last question
        /save FILE      write the conversation to a file, as JSON
        /load FILE      go on with one that was saved
        /exit           leave, as does Ctrl-D

        Alt-Enter, or a backslash at the end of a line, begins another line.
        """

    /// nil for an empty line.
    init?(_ line: String) {
        let line = line.trimming(while: \.isWhitespace)
        guard !line.isEmpty else { return nil }
        let words = line.split(maxSplits: 1, whereSeparator: \.isWhitespace).map {
            String($0).trimming(while: \.isWhitespace)
        }
        // "/usr/bin holds what?" is a question.
        guard words[0].hasPrefix("/"), words[0].dropFirst().allSatisfy(\.isLetter) else {
            self = .message(line)
            return
        }
        switch (words[0], words.dropFirst().first) {
        case ("/help", nil), ("/?", nil): self = .help
        case ("/reset", nil), ("/clear", nil): self = .reset
        case ("/retry", nil): self = .retry
        case ("/exit", nil), ("/quit", nil), ("/bye", nil): self = .exit
        case ("/system", let text): self = .system(text)
        case ("/save", let name?): self = .save(Self.path(name))
        case ("/load", let name?): self = .load(Self.path(name))
        case ("/save", nil), ("/load", nil): self = .mistake("\(words[0]) needs a file's name")
        case (let command, _?) where ["/help", "/reset", "/retry", "/exit"].contains(command):
            self = .mistake("\(command) takes no arguments")
        case (let command, _): self = .mistake("there is no command '\(command)'; /help lists them")
        }
    }

    /// A file name as in a shell: quoted or not, possibly starting at the home folder. Spaces need no quotes.
    private static func path(_ name: String) -> String {
        for quote in ["\"", "'"] where name.count > 2 && name.hasPrefix(quote) && name.hasSuffix(quote) {
            return String(name.dropFirst().dropLast())
        }
        return (name as NSString).expandingTildeInPath
    }
}

extension String {
    func trimming(while isUnwanted: (Character) -> Bool) -> String {
        guard let first = firstIndex(where: { !isUnwanted($0) }), let last = lastIndex(where: { !isUnwanted($0) })
        else { return "" }
        return String(self[first...last])
    }
}
