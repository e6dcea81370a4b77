/// How a drafter denoised one block, for display.
public struct DraftTrace: Equatable, Sendable {
    public struct Token: Equatable, Sendable {
        public var text: String
        /// The chance of acceptance that the drafter predicts, 0 to 1.
        public var confidence: Float
        /// Fixed before this pass.
        public var isRevealed: Bool
        /// Not yet drafted.
        public var isMasked: Bool
    }

    public struct Pass: Equatable, Sendable {
        public var tokens: [Token]
    }

    public struct Judgement: Equatable, Sendable {
        /// The verifier's likeliest token at this position, given the drafted ones before it.
        public var text: String
        /// The verifier's probability of the drafted token.
        public var probabilityOfDraft: Float
        /// Whether the drafted token is the likeliest.
        public var isAccepted: Bool
    }

    /// The last token before the block.
    public var anchor: String
    /// The block after each pass.
    public var passes: [Pass]
    public var verifier: [Judgement]
}
