import SpeculateShared

/// Which tokens a drafter can draft, and which of its rows each of them keeps.
///
/// A drafter for a few thousand tokens lacks a sixth of those in a text of one kind: names, and the words of a subject. They
/// take the places of tokens that the text does not have.
struct DraftVocabulary {
    /// Of the tokens that can be drafted, the most that may change.
    private static let share = 8
    /// How often a token has to occur.
    private static let least = 3

    /// The verifier's ids, ascending.
    let tokens: [Int32]
    /// [tokens] The row that each had; nil for new ones.
    let sources: [Int?]

    var isChanged: Bool { sources.contains(nil) }

    init(unchanged tokens: [Int32]) {
        self.tokens = tokens
        sources = tokens.indices.map { $0 }
    }

    /// - Parameters:
    ///   - counts: how often each token occurs in the user's texts.
    ///   - excluded: tokens that stay what they are.
    init(_ old: [Int32], counts: [Int32: Int], excluded: Set<Int32>) {
        let known = Set(old)
        let wanted = counts.filter { $1 >= Self.least && !known.contains($0) && !excluded.contains($0) }
            .sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map(\.key)
        // Vocabularies list what is frequent first: the last ones are missed least.
        let spare = old.filter { counts[$0] == nil && !excluded.contains($0) }.sorted(by: >)
        let count = min(wanted.count, spare.count, old.count / Self.share)
        let dropped = Set(spare.prefix(count))
        let rows = Dictionary(uniqueKeysWithValues: old.enumerated().map { ($1, $0) })
        tokens = (old.filter { !dropped.contains($0) } + wanted.prefix(count)).sorted()
        sources = tokens.map { rows[$0] }
    }
}
