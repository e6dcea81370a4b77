import SpeculateShared

/// A token becomes others that the verifier embeds nearby: q(y at t | x at s) = e^((σ(t) − σ(s)) R)(x, y).
package struct TokenDistanceProcess: TokenStateProcess {
    private let rates: NeighbourRates
    private let schedule: NoiseSchedule
    package var vocabulary: Int { rates.count }

    package init(_ rates: NeighbourRates, schedule: NoiseSchedule) {
        self.rates = rates
        self.schedule = schedule
    }

    package func weigh(_ probabilities: UnsafeMutableBufferPointer<Float>, state: Int, from: Double, to: Double) {
        rates.spread(probabilities, level: schedule.sigma(to))
        withLikelihood(of: state, level: schedule.sigma(from) - schedule.sigma(to)) { likelihood in
            for choice in 0..<vocabulary { probabilities[choice] *= likelihood[choice] }
        }
    }

    package func finish(
        _ logits: UnsafeMutableBufferPointer<Float>, at index: Int, of block: DraftBlock, time: Double
    ) {
        withLikelihood(of: Int(block.states[index]), level: schedule.sigma(time)) { likelihood in
            for choice in 0..<vocabulary {
                logits[choice] += log(max(likelihood[choice], .leastNormalMagnitude))
            }
        }
    }

    /// Calls `body` with q(state | x) for every token x.
    private func withLikelihood(of state: Int, level: Double, _ body: (UnsafeMutableBufferPointer<Float>) -> Void) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: vocabulary) { likelihood in
            likelihood.initialize(repeating: 0)
            likelihood[state] = 1
            rates.spread(likelihood, level: level)
            body(likelihood)
        }
    }
}
