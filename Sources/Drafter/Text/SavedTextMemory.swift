/// What of a `TextMemory` outlives its process.
package struct SavedTextMemory {
    package typealias Rows = [(key: UInt64, likeliest: ArraySlice<Int32>)]

    /// The oldest first, with gaps between them.
    package var texts: [Int32] = []
    package var followers: Rows = []
    package var pairFollowers: Rows = []

    package init() {}

    package init(texts: [Int32], followers: Rows, pairFollowers: Rows) {
        self.texts = texts
        self.followers = followers
        self.pairFollowers = pairFollowers
    }
}
