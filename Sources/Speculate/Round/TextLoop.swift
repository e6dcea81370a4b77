/// Detects a text that repeats itself: from a loop's third turn on it says nothing new. A table's ruling or a laugh is
/// too short to count.
package struct TextLoop {
    /// The most tokens of a turn.
    private static let longest = 48
    /// The fewest tokens of three turns.
    private static let least = 12

    /// The whole text; its last turn is compared.
    private var tokens: [Int32] = []
    /// For each turn length minus one: how many of the last tokens equal the token one turn earlier.
    private var repeated = [Int](repeating: 0, count: longest)

    package init() {}

    /// If this token completes a third turn, the number of tokens after the second.
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

    /// The tokens up to the end of a loop's second turn; all of them if there is no loop.
    package static func cut(_ tokens: [Int32]) -> [Int32] {
        var loop = TextLoop()
        for (index, token) in tokens.enumerated() {
            if let beyond = loop.beyond(with: token) { return Array(tokens[...index].dropLast(beyond)) }
        }
        return tokens
    }
}
