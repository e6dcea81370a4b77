import SpeculateShared

/// A token becomes any other, all alike: q(y at t | x at s) = a [y = x] + (1 − a)/V with a = α(t)/α(s).
package struct UniformProcess: TokenStateProcess {
    package let vocabulary: Int
    let schedule: NoiseSchedule

    package init(vocabulary: Int, schedule: NoiseSchedule) {
        self.vocabulary = vocabulary
        self.schedule = schedule
    }

    package func weigh(
        _ probabilities: [UnsafeMutableBufferPointer<Float>], states: [Int32], by step: DenoisingStep
    ) {
        let (later, earlier) = (schedule.alpha(step.from), schedule.alpha(step.to))
        let (kept, spread) = (Float(earlier), Float((1 - earlier) / Double(vocabulary)))
        // How much likelier the state is if it was there before than if any other one was.
        let ratio = later / earlier
        let likelier = Float(1 + ratio * Double(vocabulary) / (1 - ratio))
        for (row, state) in zip(probabilities, states) {
            for choice in 0..<vocabulary { row[choice] = kept * row[choice] + spread }
            row[Int(state)] *= likelier
        }
    }

    package func finish(_ logits: [UnsafeMutableBufferPointer<Float>], of block: DraftBlock, time: Double) {
        let alpha = schedule.alpha(time)
        // Of the other tokens it says the same.
        let likelier = Float(log(1 + alpha * Double(vocabulary) / (1 - alpha)))
        for (row, state) in zip(logits, block.states) { row[Int(state)] += likelier }
    }
}
