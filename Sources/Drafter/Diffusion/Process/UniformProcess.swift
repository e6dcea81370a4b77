import SpeculateShared

/// A token becomes any other, all alike: q(y at t | x at s) = a [y = x] + (1 − a)/V with a = α(t)/α(s).
package struct UniformProcess: TokenStateProcess {
    package let vocabulary: Int
    let schedule: NoiseSchedule

    package init(vocabulary: Int, schedule: NoiseSchedule) {
        self.vocabulary = vocabulary
        self.schedule = schedule
    }

    package func weigh(_ probabilities: UnsafeMutableBufferPointer<Float>, state: Int, from: Double, to: Double) {
        let (later, earlier) = (schedule.alpha(from), schedule.alpha(to))
        let (kept, spread) = (Float(earlier), Float((1 - earlier) / Double(vocabulary)))
        for choice in 0..<vocabulary { probabilities[choice] = kept * probabilities[choice] + spread }
        // How much likelier the state is if it was there before than if any other one was.
        let ratio = later / earlier
        probabilities[state] *= Float(1 + ratio * Double(vocabulary) / (1 - ratio))
    }

    package func finish(
        _ logits: UnsafeMutableBufferPointer<Float>, at index: Int, of block: DraftBlock, time: Double
    ) {
        let alpha = schedule.alpha(time)
        // Of the other tokens it says the same.
        logits[Int(block.states[index])] += Float(log(1 + alpha * Double(vocabulary) / (1 - alpha)))
    }
}
