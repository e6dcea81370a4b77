/// How the tokens of a block become noise, and what leads back: a file for each kind.
///
/// Passes over the block alternate with steps of its states; each pass says what the clean tokens may be. The states
/// are drawn independently of the verifier, and the last pass draws the tokens given the last states, so that the
/// distribution that a token is drawn from is exact given them.
package protocol DiffusionProcess: Sendable {
    /// Draws the block's states at time 1.
    func begin(_ block: DraftBlock, _ draws: some StateDraws)
    /// Moves the states to the next pass's time, by what the last pass says.
    func step(_ block: DraftBlock, _ step: DenoisingStep, _ guesses: some BlockGuesses, _ draws: some StateDraws)
    /// Whether the state of a token says more of the clean one than a pass, which does not see it, and `finish` does
    /// something.
    var hasEvidence: Bool { get }
    /// Whether a step that is told a certain token goes there whatever the token's own state is, so that whoever
    /// chooses the token must heed the state. Others' steps weigh it themselves.
    var isOverruledBySureGuesses: Bool { get }
    /// Adds to the logits [draft vocabulary] of the last pass, at `time`, what each token's own state says: by Bayes'
    /// rule log q(state | clean). Not at time 1: there the state is drawn from the prior. A schedule that leaves some
    /// α then has Training's `last` add what the state would say had it come from data; linear and cosine leave none.
    func finish(_ logits: [UnsafeMutableBufferPointer<Float>], of block: DraftBlock, time: Double)
}

extension DiffusionProcess {
    package var hasEvidence: Bool { false }
    package var isOverruledBySureGuesses: Bool { false }

    package func finish(_ logits: [UnsafeMutableBufferPointer<Float>], of block: DraftBlock, time: Double) {}
}
