/// Where a token was found that may follow a sequence: a set of places.
package struct TextEvidence: Equatable {
    private static let lengths = 8
    /// Places in all.
    static let count = 6 * lengths + 2 * FollowerTable.width

    private var places: UInt64

    private init(place: Int) { places = 1 << UInt64(place) }

    /// It followed the sequence's last `length` tokens earlier on, in the sequence itself or in another one.
    /// - Parameters:
    ///   - isOnly: whether nothing else followed them.
    ///   - isFirst: whether it followed the longest end of the sequence that was found.
    package static func text(length: Int, isOnly: Bool, isFirst: Bool, isOwn: Bool) -> TextEvidence {
        let kind = isFirst ? (isOnly ? 1 : 0) : 2
        return TextEvidence(place: (isOwn ? 0 : 3 * lengths) + kind * lengths + bucket(length))
    }

    /// The verifier held it the likeliest after the sequence's last token, or after its last two, or the `rank`-th after
    /// that.
    package static func recycled(rank: Int, pair: Bool) -> TextEvidence {
        TextEvidence(place: 6 * lengths + (pair ? FollowerTable.width : 0) + rank)
    }

    /// Lengths that say about the same: 1, 2, 3, 4, 5 to 7, 8 to 15, 16 to 31, more.
    private static func bucket(_ length: Int) -> Int {
        length < 5 ? length - 1 : length < 8 ? 4 : length < 16 ? 5 : length < 32 ? 6 : 7
    }

    mutating func add(_ other: TextEvidence) { places |= other.places }

    func forEachPlace(_ body: (Int) -> Void) {
        var left = places
        while left != 0 {
            body(left.trailingZeroBitCount)
            left &= left - 1
        }
    }
}
