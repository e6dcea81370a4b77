/// How many experts the feed-forward networks consist of, and how many of them a row goes to.
package struct ExpertRouting: Equatable, Sendable {
    /// What the probabilities of a row's experts add up to at least, when they are divided by it: the least normal 16-bit
    /// float.
    static let leastTotal = Float(0x1p-14)

    package let count: Int
    package let used: Int

    /// - Throws: `CheckpointError` naming the key that is missing or out of range.
    init(_ file: FamilyMetadata) throws(CheckpointError) {
        count = try file.integer("expert_count", in: 1...1024)
        used = try file.integer("expert_used_count", in: 1...count)
    }
}
