/// Improves an engine's drafter on what was asked, while nobody asks. Called on the engine's thread alone; once it has thrown,
/// never again.
package protocol IdleLearner: AnyObject {
    /// Hears of a completion that was drafted for: its prompt and, from `first` on, its answer.
    func remember(_ tokens: [Int32], answer first: Int)

    /// Does a step that takes about as long as a pass of the verifier: a request that comes meanwhile waits for it.
    func work() throws -> IdleProgress

    /// Ends the learning and keeps what the user wants kept.
    /// - Returns: what was done, in words; nil if nothing was to be.
    /// - Throws: `EngineError`.
    func finish() throws(EngineError) -> String?
}
