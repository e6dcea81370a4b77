/// What an engine has read and written for one client, for drafts of what resembles it: texts, and what the verifier held
/// likely after each token. Bounded: of two halves the older one is forgotten when the newer one is full.
package final class TextMemory {
    /// Tokens before what is new of a text that are kept with it, so that it is found from there.
    private static let context = 16
    private static let pairs = 1 << 15

    /// The half that grows, and the one before it.
    package private(set) var halves = [SuffixAutomaton()]
    /// How often a half has been forgotten: places in it are void then.
    package private(set) var generation = 0
    /// What the verifier held likely after a token, and after two.
    package var followers: FollowerTable
    package var pairFollowers: FollowerTable
    private let limit: Int
    /// Texts of an earlier process that are still to be read, the newest last.
    private var unread: [ArraySlice<Int32>]

    /// - Parameters:
    ///   - limit: bytes of the texts.
    ///   - texts: what `texts` was in an earlier process.
    package init(vocabulary: Int, limit: Int, texts: [Int32] = []) {
        unread = texts.split(separator: SuffixAutomaton.gap)
        followers = FollowerTable(rows: vocabulary)
        pairFollowers = FollowerTable(rows: Self.pairs)
        self.limit = limit
    }

    package var bytes: Int { halves.reduce(followers.bytes + pairFollowers.bytes) { $0 + $1.bytes } }

    /// What is to be kept across processes: texts, the oldest first, with gaps between them.
    package var texts: [Int32] {
        Array((unread.map(Array.init) + halves.reversed().map(\.text)).joined(separator: [SuffixAutomaton.gap]))
    }

    /// Reads a text of an earlier process, the newest first; returns how many tokens, 0 where nothing is left to read.
    package func readOn() -> Int {
        guard let text = unread.popLast() else { return 0 }
        remember(text)
        return text.count
    }

    /// Keeps a text, but for a beginning that it knows: conversations come again with every turn.
    package func remember(_ text: ArraySlice<Int32>) {
        var known = 0
        for half in halves { known = max(known, beginning(of: text, in: half)) }
        guard known < text.count else { return }
        if halves[0].bytes > limit / 2 {
            halves = [SuffixAutomaton(), halves[0]]
            generation += 1
        }
        halves[0].begin()
        for token in text.dropFirst(max(known - Self.context, 0)) { halves[0].append(token) }
    }

    /// How many of a text's first tokens stand somewhere together.
    private func beginning(of text: ArraySlice<Int32>, in half: SuffixAutomaton) -> Int {
        var match = SuffixAutomaton.Match.none
        for (index, token) in text.enumerated() {
            match = half.advance(match, token)
            if match.length != index + 1 { return index }
        }
        return text.count
    }
}
