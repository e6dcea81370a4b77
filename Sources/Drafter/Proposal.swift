/// A draft after the last committed token: a chain of tokens or a tree. Reused from round to round.
public struct Proposal {
    /// The distribution that a token was drawn from, given the tokens before it.
    public enum Distribution {
        /// All mass on this token.
        case point(Int32)
        /// Weights [count] of the tokens listed in `tokens`, in ascending order; a probability is a weight over the
        /// total. Valid until the drafter's next proposal.
        case weights(UnsafePointer<Float>, total: Double, tokens: [Int32])

        /// O(log count).
        public func probability(of token: Int32) -> Double {
            switch self {
            case .point(let only): return token == only ? 1 : 0
            case .weights(let weights, let total, let tokens):
                var range = 0..<tokens.count
                while range.count > 1 {
                    let middle = (range.lowerBound + range.upperBound) / 2
                    range = tokens[middle] <= token ? middle..<range.upperBound : range.lowerBound..<middle
                }
                guard !range.isEmpty, tokens[range.lowerBound] == token else { return 0 }
                return Double(weights[range.lowerBound]) / total
            }
        }

        /// Calls `body` with every token of non-zero probability, and the probability.
        public func forEach(_ body: (Int32, Double) -> Void) {
            switch self {
            case .point(let only): body(only, 1)
            case .weights(let weights, let total, let tokens):
                for (index, token) in tokens.enumerated() where weights[index] > 0 {
                    body(token, Double(weights[index]) / total)
                }
            }
        }
    }

    public var tokens: [Int32] = []
    /// The index of each token's parent, −1 for the last committed token; parents precede their children.
    public var parents: [Int] = []
    /// Distributions of a chain's tokens; a tree has none.
    public var distributions: [Distribution] = []
    /// Each token's expected acceptance given that all before it are accepted, 0 to 1, if the drafter estimates it.
    public var confidences: [Float] = []

    public init() {}

    public mutating func removeAll() {
        tokens.removeAll(keepingCapacity: true)
        parents.removeAll(keepingCapacity: true)
        distributions.removeAll(keepingCapacity: true)
        confidences.removeAll(keepingCapacity: true)
    }

    /// Appends the next token of a chain.
    public mutating func append(_ token: Int32, _ distribution: Distribution, confidence: Float? = nil) {
        parents.append(tokens.count - 1)
        tokens.append(token)
        distributions.append(distribution)
        if let confidence { confidences.append(confidence) }
    }

    /// Appends a token of a tree, with the probability that it and all before it are accepted.
    public mutating func append(_ token: Int32, after parent: Int, probability: Float) {
        parents.append(parent)
        tokens.append(token)
        confidences.append(probability)
    }

    /// Appends a token of a chain as a point mass, without a confidence.
    public mutating func append(_ token: Int32) { append(token, .point(token)) }

    /// Drops a chain's tokens from index `count` on.
    public mutating func cut(to count: Int) {
        tokens.removeLast(tokens.count - count)
        parents.removeLast(parents.count - count)
        distributions.removeLast(max(0, distributions.count - count))
        confidences.removeLast(max(0, confidences.count - count))
    }

    public var isChain: Bool { parents.indices.allSatisfy { parents[$0] == $0 - 1 } }

    /// The length of the longest path.
    public var depth: Int { tokens.indices.reduce(0) { max($0, depth(of: $1)) } }

    /// The token's depth: 1 if it follows the last committed token.
    public func depth(of index: Int) -> Int {
        var (depth, above) = (1, parents[index])
        while above >= 0 { (depth, above) = (depth + 1, parents[above]) }
        return depth
    }

    /// The index of `token` among the children of `parent` (−1: the last committed token). O(count).
    public func child(of parent: Int, _ token: Int32) -> Int? {
        tokens.indices.first { parents[$0] == parent && tokens[$0] == token }
    }

    /// What makes it no draft that can be verified, in words that follow "the drafter"; nil when it is sound.
    /// - Parameter needsDistributions: whether it has to be a chain whose tokens have distributions.
    package func problem(maximum: Int, vocabulary: Int, needsDistributions: Bool) -> String? {
        guard tokens.count <= maximum else { return "proposes \(tokens.count) tokens, expected at most \(maximum)" }
        if let wrong = tokens.first(where: { !(0..<Int32(vocabulary)).contains($0) }) {
            return "proposes token \(wrong), expected 0 to \(vocabulary - 1)"
        }
        guard parents.count == tokens.count else {
            return "names \(parents.count) parents of \(tokens.count) tokens, expected one each"
        }
        if let wrong = parents.indices.first(where: { !(-1..<$0).contains(parents[$0]) }) {
            return "lets token \(wrong) follow token \(parents[wrong]), expected one before it, or -1"
        }
        if needsDistributions, !isChain {
            return "proposes a tree, expected a chain, which is what the acceptance rule takes"
        }
        if needsDistributions, distributions.count != tokens.count {
            return "names \(distributions.count) distributions of \(tokens.count) tokens, expected one each"
        }
        for (token, distribution) in zip(tokens, needsDistributions ? distributions : []) {
            let probability = distribution.probability(of: token)
            guard probability > 0, probability <= 1 else {
                return "says that token \(token) had probability \(probability), expected more than 0 and at most 1"
            }
        }
        return nil
    }
}
