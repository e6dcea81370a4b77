/// A draft: tokens in order, the first to follow the last committed token. Reused from round to round.
package struct Proposal {
    /// The law that a token was drawn from, given the tokens before it.
    package enum Law {
        /// The token was sure to be this one.
        case point
        /// Probabilities of the tokens that `tokens` lists, [count] each. Valid until the drafter's next proposal.
        case probabilities(UnsafePointer<Float>, tokens: [Int32])
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
        laws.append(.point)
    }
}
