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
}
