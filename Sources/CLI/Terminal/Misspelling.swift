/// Asks back when a word is almost a subcommand.
enum Misspelling {
    /// nil if the arguments need no question.
    static func question(_ arguments: [String]) -> String? {
        let names = SpeculateCommand.configuration.subcommands.compactMap { $0.configuration.commandName }
        guard let word = arguments.first else { return nil }
        if word == "help", let topic = arguments.dropFirst().first, !topic.hasPrefix("-"), !names.contains(topic) {
            return "there is no subcommand '\(topic)', expected one of \(names.joined(separator: ", "))"
        }
        guard !names.contains(word), word != "help", word.allSatisfy(\.isLetter) else { return nil }
        let near = (names + ["help"]).min { distance($0, word.lowercased()) < distance($1, word.lowercased()) }
        guard let near, distance(near, word.lowercased()) <= (word.count < 6 ? 1 : 2) else { return nil }
        return "did you mean '\(near)'? To complete the text itself: speculate complete \(word)"
    }

    /// The number of letters to insert, remove, change or swap with their neighbour (optimal string alignment).
    static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a), Array(b))
        var rows = [[Int]](repeating: Array(0...b.count), count: a.count + 1)
        for i in 0..<a.count {
            rows[i + 1][0] = i + 1
            for j in 0..<b.count {
                let change = rows[i][j] + (a[i] == b[j] ? 0 : 1)
                rows[i + 1][j + 1] = min(change, rows[i][j + 1] + 1, rows[i + 1][j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    rows[i + 1][j + 1] = min(rows[i + 1][j + 1], rows[i - 1][j - 1] + 1)
                }
            }
        }
        return rows[a.count][b.count]
    }
}
