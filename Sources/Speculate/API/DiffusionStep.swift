/// A block of a text as a pass of its diffusion left it.
public struct DiffusionStep: Equatable, Sendable {
    public struct Token: Equatable, Sendable {
        /// The token's text, or the likeliest one's where there is only a guess.
        public var text: String
        /// The probability that the pass gives it.
        public var certainty: Float
        /// Whether it is revealed, and stays what it is unless tokens are masked again.
        public var isSettled: Bool
    }

    /// The number of the block and of its pass, from 0, and how many passes there are.
    public var block, pass, passes: Int
    public var tokens: [Token]
    /// After the last pass, what the block adds to the text: whole characters; a split one comes with the next block.
    public var text: String?
}
