/// A draft: tokens in order, the first to follow the last committed token. Reused from round to round.
package struct Proposal {
    /// The law that a token was drawn from, given the tokens before it.
    package enum Law {
        /// The token was sure to be this one.
        case point(Int32)
        /// Probabilities of the tokens that `tokens` lists in rising order, [count] each. Valid until the drafter's next
        /// proposal.
        case probabilities(UnsafePointer<Float>, tokens: [Int32])

        /// O(log count).
        package func probability(of token: Int32) -> Double {
            switch self {
            case .point(let only): return token == only ? 1 : 0
            case .probabilities(let values, let tokens):
                var range = 0..<tokens.count
                while range.count > 1 {
                    let middle = (range.lowerBound + range.upperBound) / 2
                    range = tokens[middle] <= token ? middle..<range.upperBound : range.lowerBound..<middle
                }
                return !range.isEmpty && tokens[range.lowerBound] == token ? Double(values[range.lowerBound]) : 0
            }
        }

        /// Calls `body` with every token that has a chance, and the chance.
        package func forEach(_ body: (Int32, Double) -> Void) {
            switch self {
            case .point(let only): body(only, 1)
            case .probabilities(let values, let tokens):
                for (index, token) in tokens.enumerated() where values[index] > 0 { body(token, Double(values[index])) }
            }
        }
    }

    package var tokens: [Int32] = []
    package var laws: [Law] = []
    /// Expected acceptance of each token if all before it are accepted, 0 to 1, where the drafter has an opinion.
    package var confidences: [Float] = []

    package init() {}

    package mutating func removeAll() {
        tokens.removeAll(keepingCapacity: true)
        laws.removeAll(keepingCapacity: true)
        confidences.removeAll(keepingCapacity: true)
    }

    /// A token without chance and without an opinion on it.
    package mutating func append(_ token: Int32) {
        tokens.append(token)
        laws.append(.point(token))
    }
}
