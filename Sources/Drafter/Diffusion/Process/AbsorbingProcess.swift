import SpeculateShared

/// Masked tokens are revealed, as many as a schedule says and in an order that is asked for. What a pass filled in
/// stays then.
package struct AbsorbingProcess: DiffusionProcess {
    package init() {}

    package func begin(_ block: DraftBlock, _ draws: some StateDraws) {}

    package func step(
        _ block: DraftBlock, _ step: DenoisingStep, _ guesses: some BlockGuesses, _ draws: some StateDraws
    ) {
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
}
