/// What the parts of a round took, in seconds.
package struct RoundTimes: Sendable {
    package var draft: Double
    package var verify: Double

    package init(draft: Double, verify: Double) {
        self.draft = draft
        self.verify = verify
    }
}
