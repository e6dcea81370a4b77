import ArgumentParser

/// How long an answer is, where it ends, and its seed.
struct AnswerLimits: ParsableArguments {
    @Option(
        name: [.customShort("n"), .long], parsing: .unconditional,
        help: ArgumentHelp("Maximum tokens of the answer; -1 fills the context.", valueName: "n"))
    var maxTokens = 512

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("End before this text; may be repeated.", valueName: "text"))
    var stop: [String] = []

    @Flag(help: "Keep going when the answer repeats itself; else it ends with the third repetition.")
    var keepLoops = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The same seed gives the same text, whatever is drafted. Default: a new one each time.", valueName: "n"),
        transform: Seed.parse)
    var seed: UInt64?

    /// Describes an invalid number of tokens, naming the flag; nil if it is valid.
    static func problem(maxTokens: Int) -> String? {
        maxTokens > 0 || maxTokens == -1
            ? nil : "--max-tokens is \(maxTokens), expected 1 or more, or -1 to fill the context"
    }
}
