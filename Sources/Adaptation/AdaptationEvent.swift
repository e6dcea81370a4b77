/// What is told while a drafter is adapted.
package enum AdaptationEvent: Sendable {
    /// Passages that the verifier has read and continued.
    case reading(done: Int, total: Int)
    /// - share: of the time, 0 to 1.
    /// - tokensPerRound: on the texts that nothing is learnt from, now and at best.
    case training(step: Int, share: Double, start: Double, now: Double, best: Double)
}
