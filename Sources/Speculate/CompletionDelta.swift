/// What one step of a completion added.
public struct CompletionDelta: Equatable, Sendable {
    /// Text of one token, whole characters only.
    public struct Piece: Equatable, Sendable {
        public var text: String
        /// Whether the token was drafted and accepted; otherwise it is the verifier's own.
        public var isDrafted: Bool

        public init(text: String, isDrafted: Bool) {
            self.text = text
            self.isDrafted = isDrafted
        }
    }

    public var pieces: [Piece]
    /// Set in the last delta alone.
    public var result: CompletionResult?

    public var text: String { pieces.map(\.text).joined() }
}
