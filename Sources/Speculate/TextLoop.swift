/// Watches a text for going round in circles: it says nothing new from a loop's third turn on. A table's ruling or a
/// laugh is shorter than what counts as one.
package struct TextLoop {
    /// Tokens of a turn at most.
    private static let longest = 48
    /// Tokens of three turns at least.
    private static let least = 12

    /// Of the whole text; the last turn is compared.
    private var tokens: [Int32] = []
    /// For each length of a turn, less one: how many of the last tokens are those one turn before.
    private var repeated = [Int](repeating: 0, count: longest)

    package init() {}

    /// How many tokens go beyond the second turn, where this one completes the third.
    package mutating func beyond(with token: Int32) -> Int? {
        var beyond: Int?
        for turn in 1...Self.longest {
            guard turn <= tokens.count, tokens[tokens.count - turn] == token else {
                repeated[turn - 1] = 0
                continue
            }
            repeated[turn - 1] += 1
            let count = repeated[turn - 1]
            if beyond == nil, count >= 2 * turn, count + turn >= Self.least { beyond = count - turn }
        }
        tokens.append(token)
        return beyond
    }

    /// The tokens up to the end of a loop's second turn.
    package static func cut(_ tokens: [Int32]) -> [Int32] {
        var loop = TextLoop()
        for (index, token) in tokens.enumerated() {
            if let beyond = loop.beyond(with: token) { return Array(tokens[...index].dropLast(beyond)) }
        }
        return tokens
    }
}
