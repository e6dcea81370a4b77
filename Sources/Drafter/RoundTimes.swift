/// Times of a round's parts, in seconds.
public struct RoundTimes: Equatable, Sendable {
    public var draft: Double
    public var verify: Double

    public init(draft: Double, verify: Double) {
        self.draft = draft
        self.verify = verify
    }
}
