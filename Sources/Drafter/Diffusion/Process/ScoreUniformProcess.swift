/// As uniform, with a network that says the probabilities π of a clean token given the other states, and so ratios s(y)
/// = (b + α π(y))/(b + α π(x)), b being the probability that a token became a certain other one.
///
/// A step by Tweedie's formula has weights (e^(−ΔσR) s)(y) · e^(ΔσR)(x, y). The first factor is π carried to the
/// earlier time, up to a constant, so that the weights are the uniform process's with π in place of its probabilities.
/// One by Euler's leaves x for another y with probability Δt σ' s(y)/V, in all at most 1.
package struct ScoreUniformProcess: TokenStateProcess {
    private let uniform: UniformProcess
    package var vocabulary: Int { uniform.vocabulary }

    package init(vocabulary: Int, schedule: NoiseSchedule) {
        uniform = UniformProcess(vocabulary: vocabulary, schedule: schedule)
    }

    package func weigh(
        _ probabilities: [UnsafeMutableBufferPointer<Float>], states: [Int32], by step: DenoisingStep
    ) {
        guard step.sampler == .euler else { return uniform.weigh(probabilities, states: states, by: step) }
        for (row, state) in zip(probabilities, states) { weighByEuler(row, Int(state), step) }
    }

    private func weighByEuler(
        _ probabilities: UnsafeMutableBufferPointer<Float>, _ state: Int, _ step: DenoisingStep
    ) {
        let alpha = uniform.schedule.alpha(step.from)
        let other = (1 - alpha) / Double(vocabulary)
        let here = other + alpha * Double(probabilities[state])
        for choice in 0..<vocabulary {
            probabilities[choice] = Float((other + alpha * Double(probabilities[choice])) / here)
        }
        probabilities[state] = 0
        let total = probabilities.reduce(0.0) { $0 + Double($1) }
        let rate = alpha > 0 ? -uniform.schedule.slope(step.from) / alpha : .infinity
        let leaving = min(1, (step.from - step.to) * rate * total / Double(vocabulary))
        for choice in 0..<vocabulary { probabilities[choice] *= Float(leaving / total) }
        probabilities[state] = Float(1 - leaving)
    }

    package func finish(_ logits: [UnsafeMutableBufferPointer<Float>], of block: DraftBlock, time: Double) {
        uniform.finish(logits, of: block, time: time)
    }
}
