/// What one step of a completion added.
public struct CompletionDelta: Equatable, Sendable {
    /// Text of one token, whole characters only.
    public struct Piece: Equatable, Sendable {
        public var text: String
        /// Whether the token was drafted and accepted; otherwise it is the verifier's own.
        public var isDrafted: Bool
        /// Where asked for: of this token, and of those before it that were not whole characters yet.
        public var logprobs: [TokenLogprobs]

        /// Where asked for: those that began with this token, or with one before it that was not whole characters yet.
        public var rounds: [DraftRound]

        public init(
            text: String, isDrafted: Bool, logprobs: [TokenLogprobs] = [], rounds: [DraftRound] = []
        ) {
            self.text = text
            self.isDrafted = isDrafted
            self.logprobs = logprobs
            self.rounds = rounds
        }
    }

    public var pieces: [Piece]
    /// Set in the last delta alone.
    public var result: CompletionResult?

    public init(pieces: [Piece], result: CompletionResult? = nil) {
        self.pieces = pieces
        self.result = result
    }

    public var text: String { pieces.map(\.text).joined() }
}
