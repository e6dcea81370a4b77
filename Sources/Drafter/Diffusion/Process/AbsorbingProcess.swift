import SpeculateShared

/// Masked tokens are revealed, as many as a count says and in an order that is asked for, or by the process's own
/// step: each by itself (MDLM, Sahoo et al. 2024). What a pass filled in stays then. One token a pass in a random
/// order is the first-hitting sampler (Zheng et al. 2024), the limit of many such steps.
package struct AbsorbingProcess: DiffusionProcess {
    private let schedule: NoiseSchedule

    package init(schedule: NoiseSchedule) { self.schedule = schedule }

    package func begin(_ block: DraftBlock, _ draws: some StateDraws) {}

    package func step(
        _ block: DraftBlock, _ step: DenoisingStep, _ guesses: some BlockGuesses, _ draws: some StateDraws
    ) {
        if step.sampler == .ancestral { return ancestral(block, step, draws) }
        let random = CounterRandom(seed: step.seed)
        if step.masksAgain { for index in 0..<block.count { block.isRevealed[index] = false } }
        var revealed = block.isRevealed.reduce(0) { $0 + ($1 ? 1 : 0) }
        while revealed < min(step.target, block.count) {
            var chosen = -1
            var highest = -Double.infinity
            for index in 0..<block.count where !block.isRevealed[index] {
                let score =
                    switch step.order {
                    case .leftToRight: -Double(index)
                    case .confidence: Double(block.confidences[index])
                    case .random: random.uniform(position: index, stream: .order)
                    }
                // The first one is a choice even if its confidence is NaN.
                if chosen < 0 || score > highest { (chosen, highest) = (index, score) }
            }
            block.isRevealed[chosen] = true
            revealed += 1
        }
    }

    /// Which token it is comes from the pass, which walked from the left.
    private func ancestral(_ block: DraftBlock, _ step: DenoisingStep, _ draws: some StateDraws) {
        let probability = schedule.taken(from: step.from, to: step.to)
        for index in 0..<block.count where !block.isRevealed[index] {
            block.isRevealed[index] = draws.happens(probability, token: index, pass: step.pass)
        }
    }
}
