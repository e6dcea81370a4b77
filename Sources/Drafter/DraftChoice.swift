import CKernels
import SpeculateShared

/// What a drafted token is chosen from.
struct DraftChoice {
    let logits: UnsafePointer<Float>  // [tokens]
    /// What the logits are of, ascending.
    let tokens: [Int32]
    /// The index of the greatest logit.
    let likeliest: Int32
    /// [tokens] Takes the weights that a token is drawn from.
    let distribution: UnsafeMutablePointer<Float>
    let partialSums: UnsafeMutablePointer<Float>  // [tokens / 256 + 1]

    /// The token, and the weights' sum where it is drawn from them.
    /// - Parameters:
    ///   - position: the token's, in the sequence.
    ///   - index: its place in the draft.
    func choose(
        _ sampling: DraftSampling, position: Int, index: Int, _ kernels: spk_kernels
    ) -> (token: Int32, total: Double) {
        func exponentiate(_ temperature: Float) -> UnsafeBufferPointer<Float> {
            kernels.exponentials(
                logits, Int32(tokens.count), logits[Int(likeliest)], 1 / temperature, distribution, partialSums)
            return UnsafeBufferPointer(start: distribution, count: tokens.count)
        }
        switch sampling {
        case .greedy: break
        case .gumbel(let temperature, let seed):
            let weights = exponentiate(temperature)
            let noise = GumbelNoise(CounterRandom(seed: seed), position: position)
            // An unlikely token is not worth drafting.
            if let token = noise.greatest(weights, sums: partialSums, tokens: tokens) { return (token, 0) }
        case .random(let temperature, let seed):
            let weights = exponentiate(temperature)
            let uniform = CounterRandom(seed: seed).uniform(
                position: position, stream: .drafter(round: position - index))
            let draw = Inversion.draw(weights, uniform)
            return (tokens[draw.index], draw.total)
        }
        return (tokens[Int(likeliest)], 0)
    }
}
