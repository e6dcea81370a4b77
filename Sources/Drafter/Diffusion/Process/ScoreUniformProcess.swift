/// As uniform, with a network that says the probabilities π of a clean token given the other states, and so ratios s(y)
/// = (b + (a − b) π(y))/(b + (a − b) π(x)), a and b being the probabilities that a token stayed what it is, and that it
/// became a certain other one.
///
/// A step by Tweedie's formula has weights (e^(−ΔσR) s)(y) · e^(ΔσR)(x, y). The first factor is π carried to the
/// earlier time, up to a constant, so that the weights are the uniform process's with π in place of its probabilities.
package struct ScoreUniformProcess: TokenStateProcess {
    private let uniform: UniformProcess
    package var vocabulary: Int { uniform.vocabulary }

    package init(vocabulary: Int, schedule: NoiseSchedule) {
        uniform = UniformProcess(vocabulary: vocabulary, schedule: schedule)
    }

    package func weigh(_ probabilities: UnsafeMutableBufferPointer<Float>, state: Int, from: Double, to: Double) {
        uniform.weigh(probabilities, state: state, from: from, to: to)
    }

    package func finish(
        _ logits: UnsafeMutableBufferPointer<Float>, at index: Int, of block: DraftBlock, time: Double
    ) {
        uniform.finish(logits, at: index, of: block, time: time)
    }
}
