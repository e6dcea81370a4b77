/// Tokens that may join a tree, taken likeliest first.
struct TreeCandidates {
    struct Candidate {
        var token: Int32
        var parent: Int
        var depth: Int
        /// The probability that the token and all before it are accepted.
        var probability: Float
    }

    private var waiting: [Candidate] = []

    mutating func removeAll() { waiting.removeAll(keepingCapacity: true) }

    mutating func insert(_ candidate: Candidate) { waiting.append(candidate) }

    mutating func popLikeliest() -> Candidate? {
        guard var best = waiting.indices.first else { return nil }
        for index in waiting.indices where waiting[index].probability > waiting[best].probability { best = index }
        waiting.swapAt(best, waiting.count - 1)
        return waiting.popLast()
    }

    /// Whether at least `count` candidates have at least this probability.
    func has(_ count: Int, of probability: Float) -> Bool {
        waiting.reduce(0) { $0 + ($1.probability >= probability ? 1 : 0) } >= count
    }
}
