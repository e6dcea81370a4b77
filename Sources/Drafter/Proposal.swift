/// A draft: tokens in order, the first to follow the last committed token.
package struct Proposal: Equatable, Sendable {
    package var tokens: [Int32]

    package init(tokens: [Int32] = []) { self.tokens = tokens }
}
