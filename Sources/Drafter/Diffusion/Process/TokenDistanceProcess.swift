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

    package func weigh(
        _ probabilities: [UnsafeMutableBufferPointer<Float>], states: [Int32], by step: DenoisingStep
    ) {
        let (later, earlier) = (schedule.sigma(step.from), schedule.sigma(step.to))
        TokenLanes.exchange(probabilities) { lanes, first in
            rates.spread(lanes, level: earlier)
            withLikelihood(of: states[first...], level: later - earlier) { likelihood in
                for choice in 0..<vocabulary { lanes[choice] *= likelihood[choice] }
            }
        }
    }

    package func finish(_ logits: [UnsafeMutableBufferPointer<Float>], of block: DraftBlock, time: Double) {
        TokenLanes.exchange(logits) { lanes, first in
            withLikelihood(of: block.states[first...], level: schedule.sigma(time)) { likelihood in
                for choice in 0..<vocabulary {
                    for lane in 0..<min(TokenLanes.Lanes.scalarCount, logits.count - first) {
                        lanes[choice][lane] += log(max(likelihood[choice][lane], .leastNormalMagnitude))
                    }
                }
            }
        }
    }

    /// Calls `body` with q(state | x) for every token x and the first of the states.
    private func withLikelihood(
        of states: ArraySlice<Int32>, level: Double, _ body: (UnsafeMutableBufferPointer<TokenLanes.Lanes>) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: TokenLanes.Lanes.self, capacity: vocabulary) { likelihood in
            likelihood.initialize(repeating: .zero)
            for (lane, state) in states.prefix(TokenLanes.Lanes.scalarCount).enumerated() {
                likelihood[Int(state)][lane] = 1
            }
            rates.spread(likelihood, level: level)
            body(likelihood)
        }
    }
}
