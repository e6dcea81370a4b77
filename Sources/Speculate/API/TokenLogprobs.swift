/// The natural logarithm of the model's own probability of a token of the answer, before temperature, penalties and the
/// other sampling settings.
public struct TokenLogprobs: Equatable, Sendable {
    public struct Entry: Equatable, Sendable {
        public var token: Int32
        /// The token's text, which need not be whole characters.
        public var bytes: [UInt8]
        public var logprob: Float

        public init(token: Int32, bytes: [UInt8], logprob: Float) {
            self.token = token
            self.bytes = bytes
            self.logprob = logprob
        }
    }

    public var chosen: Entry
    /// As many as requested, likeliest first.
    public var likeliest: [Entry]

    public init(chosen: Entry, likeliest: [Entry]) {
        self.chosen = chosen
        self.likeliest = likeliest
    }
}
