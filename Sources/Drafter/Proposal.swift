/// A draft: a chain of tokens, the first to follow the last committed token, or a tree of them. Reused from round to
/// round.
package struct Proposal {
    /// The distribution that a token was drawn from, given the tokens before it.
    package enum Distribution {
        /// The token was sure to be this one.
        case point(Int32)
        /// Weights [count] of the tokens that `tokens` lists in rising order; a probability is one over their total.
        /// Valid until the drafter's next proposal.
        case weights(UnsafePointer<Float>, total: Double, tokens: [Int32])

        /// O(log count).
        package func probability(of token: Int32) -> Double {
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

        /// Calls `body` with every token that has a chance, and the chance.
        package func forEach(_ body: (Int32, Double) -> Void) {
            switch self {
            case .point(let only): body(only, 1)
            case .weights(let weights, let total, let tokens):
                for (index, token) in tokens.enumerated() where weights[index] > 0 {
                    body(token, Double(weights[index]) / total)
                }
            }
        }
    }

    package var tokens: [Int32] = []
    /// The token that each follows, −1 for the last committed one; parents stand before their children.
    package var parents: [Int] = []
    /// Of a chain's tokens; a tree has none.
    package var distributions: [Distribution] = []
    /// Expected acceptance of each token if all before it are accepted, 0 to 1, where the drafter has an opinion.
    package var confidences: [Float] = []

    package init() {}

    package mutating func removeAll() {
        tokens.removeAll(keepingCapacity: true)
        parents.removeAll(keepingCapacity: true)
        distributions.removeAll(keepingCapacity: true)
        confidences.removeAll(keepingCapacity: true)
    }

    /// The next token of a chain.
    package mutating func append(_ token: Int32, _ distribution: Distribution, confidence: Float? = nil) {
        parents.append(tokens.count - 1)
        tokens.append(token)
        distributions.append(distribution)
        if let confidence { confidences.append(confidence) }
    }

    /// A token of a tree, with the probability that it and all before it are right.
    package mutating func append(_ token: Int32, after parent: Int, probability: Float) {
        parents.append(parent)
        tokens.append(token)
        confidences.append(probability)
    }

    /// A token of a chain without chance and without an opinion on it.
    package mutating func append(_ token: Int32) { append(token, .point(token)) }

    /// Forgets a chain's tokens from a place on.
    package mutating func cut(to count: Int) {
        tokens.removeLast(tokens.count - count)
        parents.removeLast(parents.count - count)
        distributions.removeLast(max(0, distributions.count - count))
        confidences.removeLast(max(0, confidences.count - count))
    }

    package var isChain: Bool { parents.indices.allSatisfy { parents[$0] == $0 - 1 } }

    /// How many tokens stand in a row at most.
    package var depth: Int { tokens.indices.reduce(0) { max($0, depth(of: $1)) } }

    /// 1 for a token that follows the last committed one.
    package func depth(of index: Int) -> Int {
        var (depth, above) = (1, parents[index])
        while above >= 0 { (depth, above) = (depth + 1, parents[above]) }
        return depth
    }

    /// The place of a token after another one, or after the last committed one (−1). O(count).
    package func child(of parent: Int, _ token: Int32) -> Int? {
        tokens.indices.first { parents[$0] == parent && tokens[$0] == token }
    }
}
