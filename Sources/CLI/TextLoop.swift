/// Texts that end in a loop say nothing new from its third turn on.
enum TextLoop {
    /// The tokens without what repeats one piece of at most `longest` tokens beyond its second turn.
    static func cut(_ tokens: [Int32], longest: Int = 48) -> [Int32] {
        for period in 1...longest {
            var repeated = 0
            while repeated + period < tokens.count,
                tokens[tokens.count - 1 - repeated] == tokens[tokens.count - 1 - repeated - period]
            {
                repeated += 1
            }
            if repeated >= 2 * period, repeated + period >= 12 { return Array(tokens.dropLast(repeated - period)) }
        }
        return tokens
    }
}
