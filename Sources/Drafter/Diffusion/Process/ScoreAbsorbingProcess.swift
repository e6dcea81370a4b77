import SpeculateShared

/// As absorbing, with ratios s(y) = e^m p(y) α/(1 − α) that a network says of a masked token, p summing to 1. A step by
/// Tweedie's formula reveals y with probability (e^Δσ − 1) s(y), that is any with e^m (α(s) − α(t))/(1 − α(t)); one by
/// Euler's with Δt σ' s(y), that is any with e^m Δt · −α'/(1 − α).
package struct ScoreAbsorbingProcess: DiffusionProcess {
    private let schedule: NoiseSchedule

    package init(schedule: NoiseSchedule) { self.schedule = schedule }

    package func begin(_ block: DraftBlock, _ draws: some StateDraws) {}

    /// The probability that a masked token is revealed.
    package func revealing(_ step: DenoisingStep, logMass: Double) -> Double {
        let share =
            step.sampler == .euler
            ? (step.to - step.from) * schedule.slope(step.from) / (1 - schedule.alpha(step.from))
            : schedule.taken(from: step.from, to: step.to)
        return min(1, exp(logMass) * share)
    }

    package func step(
        _ block: DraftBlock, _ step: DenoisingStep, _ guesses: some BlockGuesses, _ draws: some StateDraws
    ) {
        for index in 0..<block.count where !block.isRevealed[index] {
            let probability = revealing(step, logMass: guesses.logMass(of: index))
            guard draws.happens(probability, token: index, pass: step.pass) else { continue }
            let weights = UnsafeBufferPointer(guesses.probabilities(of: index))
            block.tokens[index] = guesses.token(draws.choose(weights, token: index, pass: step.pass))
            block.isRevealed[index] = true
        }
    }
}
