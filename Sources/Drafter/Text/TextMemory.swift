/// What an engine has read and written for one client, for drafts of what resembles it: texts, and what the verifier held
/// likely after each token. Bounded: of two halves the older one is forgotten when the newer one is full.
package final class TextMemory {
    /// Tokens before what is new of a text that are kept with it, so that it is found from there.
    private static let context = 16
    /// Rows of the table by two tokens.
    package static let pairs = 1 << 15

    /// The half that grows, and the one before it.
    package private(set) var halves = [SuffixAutomaton()]
    /// How often a half has been forgotten: places in it are void then.
    package private(set) var generation = 0
    /// What the verifier held likely after a token, and after two.
    package var followers: FollowerTable
    package var pairFollowers: FollowerTable
    private let limit: Int
    /// Texts of an earlier process that are still to be read into the older half, the oldest first.
    private var unread: ArraySlice<ArraySlice<Int32>>

    /// - Parameters:
    ///   - limit: bytes of the texts.
    ///   - pairs: rows of the table by two tokens.
    ///   - saved: what an earlier process had.
    package init(vocabulary: Int, limit: Int, pairs: Int = pairs, saved: SavedTextMemory = SavedTextMemory()) {
        unread = saved.texts.split(separator: SuffixAutomaton.gap)[...]
        followers = FollowerTable(rows: vocabulary, saved: saved.followers)
        pairFollowers = FollowerTable(rows: pairs, saved: saved.pairFollowers)
        self.limit = limit
    }

    package var bytes: Int { halves.reduce(followers.bytes + pairFollowers.bytes) { $0 + $1.bytes } }

    /// What is to be kept across processes.
    package var saved: SavedTextMemory {
        let older = halves.dropFirst().map { $0.text[...] }
        let texts = (older + unread + [halves[0].text[...]]).filter { !$0.isEmpty }
        return SavedTextMemory(
            texts: Array(texts.joined(separator: [SuffixAutomaton.gap])), followers: followers.saved,
            pairFollowers: pairFollowers.saved)
    }

    /// Reads the newest texts of an earlier process, up to so many tokens; returns how many.
    package func readNewest(_ tokens: Int) -> Int {
        var (first, count) = (unread.endIndex, 0)
        while first > unread.startIndex, count + unread[first - 1].count <= tokens {
            first -= 1
            count += unread[first].count
        }
        let newest = unread[first...]
        unread = unread[..<first]
        for text in newest { remember(text) }
        return count
    }

    /// Reads another text of an earlier process; returns how many tokens, 0 where nothing is left to read.
    package func readOn() -> Int {
        guard let text = unread.popFirst() else { return 0 }
        if halves.count == 1 { halves.append(SuffixAutomaton()) }
        if halves[1].bytes > limit / 2 {
            halves[1] = SuffixAutomaton()
            generation += 1
        }
        halves[1].begin()
        for token in text { halves[1].append(token) }
        return text.count
    }

    /// Keeps a text, but for a beginning that it knows: conversations come again with every turn.
    package func remember(_ text: ArraySlice<Int32>) {
        var known = 0
        for half in halves { known = max(known, beginning(of: text, in: half)) }
        guard known < text.count else { return }
        if halves[0].bytes > limit / 2 {
            halves = [SuffixAutomaton(), halves[0]]
            unread = []
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
