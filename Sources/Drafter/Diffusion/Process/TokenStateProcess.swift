/// A process whose states are draft tokens, which it exchanges for others. What a pass says of a token is meant as if
/// it did not see the token's own state.
package protocol TokenStateProcess: DiffusionProcess {
    var vocabulary: Int { get }
    /// Turns probabilities of each clean token into weights of its state at an earlier time, given that at a later one:
    /// q(state | earlier) · Σ q(earlier | clean) p(clean), which is D3PM's posterior with the clean token summed out.
    func weigh(_ probabilities: [UnsafeMutableBufferPointer<Float>], states: [Int32], by step: DenoisingStep)
}

extension TokenStateProcess {
    package var hasEvidence: Bool { true }

    package func begin(_ block: DraftBlock, _ draws: some StateDraws) {
        for index in 0..<block.count { block.states.append(Int32(draws.begin(among: vocabulary, token: index))) }
    }

    package func step(
        _ block: DraftBlock, _ step: DenoisingStep, _ guesses: some BlockGuesses, _ draws: some StateDraws
    ) {
        let weights = (0..<block.count).map(guesses.probabilities)
        weigh(weights, states: block.states, by: step)
        for (index, weights) in weights.enumerated() {
            block.states[index] = Int32(draws.choose(UnsafeBufferPointer(weights), token: index, pass: step.pass))
        }
    }
}
