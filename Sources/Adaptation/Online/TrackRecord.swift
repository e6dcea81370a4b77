/// How the learnt part compares with the original on texts that it had not learnt yet, the last few of them.
struct TrackRecord {
    /// Texts that count. Fewer forget sooner what no longer holds, and are more often wrong.
    private static let window = 12
    /// Texts before anything is said: one or two may be ahead by chance.
    private static let least = 4

    private var differences: [Double] = []

    /// - Parameters:
    ///   - original: tokens that a round brings, of which there is a mean.
    ///   - learnt: the same.
    mutating func append(original: Double, learnt: Double) {
        differences.append(learnt - original)
        if differences.count > Self.window { differences.removeFirst() }
    }

    private var sum: Double { differences.reduce(0, +) }
    var isAhead: Bool { differences.count >= Self.least && sum > 0 }
    var isBehind: Bool { differences.count >= Self.least && sum < 0 }
}
