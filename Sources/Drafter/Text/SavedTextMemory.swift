/// What of a `TextMemory` outlives its process.
package struct SavedTextMemory {
    /// The oldest first, with gaps between them.
    package var texts: [Int32] = []
    package var followers = FollowerTable.Rows()
    package var pairFollowers = FollowerTable.Rows()

    package init() {}

    package init(texts: [Int32], followers: FollowerTable.Rows, pairFollowers: FollowerTable.Rows) {
        self.texts = texts
        self.followers = followers
        self.pairFollowers = pairFollowers
    }

    /// With what another process has kept besides, as if it had come first.
    package func merging(_ other: SavedTextMemory) -> SavedTextMemory {
        let own = Set(texts.split(separator: SuffixAutomaton.gap))
        let besides = other.texts.split(separator: SuffixAutomaton.gap).filter { !own.contains($0) }
        var merged = self
        merged.texts = Array((besides + [texts[...]]).joined(separator: [SuffixAutomaton.gap]))
        merged.followers.add(other.followers)
        merged.pairFollowers.add(other.pairFollowers)
        return merged
    }
}
