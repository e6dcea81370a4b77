/// One round: what was drafted, what of it was accepted, and the verifier's own token behind that.
public struct DraftRound: Equatable, Sendable {
    public struct Token: Equatable, Sendable {
        /// As text; of tokens that are not whole characters, what can be shown.
        public var text: String
        /// The place in the draft of the token that it follows, −1: the answer so far. In a draft that is no tree each
        /// follows the one before.
        public var parent: Int
        public var isAccepted: Bool

        public init(text: String, parent: Int, isAccepted: Bool) {
            self.text = text
            self.parent = parent
            self.isAccepted = isAccepted
        }
    }

    public var drafted: [Token]
    /// What the verifier puts behind what is accepted; not said where the answer ends before it.
    public var own: String

    public init(drafted: [Token], own: String) {
        self.drafted = drafted
        self.own = own
    }
}
