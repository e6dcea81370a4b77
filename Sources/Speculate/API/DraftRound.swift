/// One round: the drafted tokens, which of them were accepted, and the verifier's own token after those.
public struct DraftRound: Equatable, Sendable {
    public struct Token: Equatable, Sendable {
        /// The token's text; if it is not whole characters, whatever can be shown.
        public var text: String
        /// The index in the draft of the token's parent, −1 for the answer so far. In a chain each token follows the
        /// one before.
        public var parent: Int
        public var isAccepted: Bool

        public init(text: String, parent: Int, isAccepted: Bool) {
            self.text = text
            self.parent = parent
            self.isAccepted = isAccepted
        }
    }

    public var drafted: [Token]
    /// The verifier's own token after the accepted ones; not part of an answer that ends before it.
    public var own: String

    public init(drafted: [Token], own: String) {
        self.drafted = drafted
        self.own = own
    }
}
