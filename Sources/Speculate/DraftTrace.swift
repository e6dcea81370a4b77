/// How a drafter denoised one block, for a person to see.
public struct DraftTrace: Equatable, Sendable {
    public enum Order: String, Sendable, CaseIterable { case left, confidence, random }

    public struct Token: Equatable, Sendable {
        public var text: String
        /// What the drafter expects the chance of its acceptance to be, 0 to 1.
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
        /// The token that the verifier finds likeliest there, given the drafted ones before it.
        public var text: String
        /// The probability that it gives to the drafted one.
        public var probabilityOfDraft: Float
        /// Whether the drafted one is its likeliest.
        public var isAccepted: Bool
    }

    /// The last token before the block.
    public var anchor: String
    /// The block after each pass.
    public var passes: [Pass]
    public var verifier: [Judgement]
}
