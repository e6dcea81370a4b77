/// What one step of a completion added.
public struct CompletionDelta: Equatable, Sendable {
    /// The text of one token, whole characters only.
    public struct Piece: Equatable, Sendable {
        public var text: String
        /// Whether the token was drafted and accepted; otherwise it is the verifier's own.
        public var isDrafted: Bool
        /// If asked for: of this token, and of those before it that did not complete a character.
        public var logprobs: [TokenLogprobs]

        /// If asked for: the rounds that began with this token, or with one before it that did not complete a
        /// character.
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
    /// Set only in the last delta.
    public var result: CompletionResult?

    public init(pieces: [Piece], result: CompletionResult? = nil) {
        self.pieces = pieces
        self.result = result
    }

    public var text: String { pieces.map(\.text).joined() }
}
