/// What an adaptation came to.
package struct AdaptationResult: Sendable {
    /// Tokens per round of the drafter and of the adapted one, as the engine runs them, on texts that nothing was learnt
    /// from.
    package let before, after: Double
    /// Tokens after which blocks were learnt.
    package let places: Int
    package let steps: Int
    package let wasStopped: Bool
    /// Whether the adapted drafter is better, and so was written.
    package var isWritten: Bool { after > before }
}
