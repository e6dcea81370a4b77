/// Gumbel noise that is a function of (seed, position, token) alone, so that two distributions can be drawn from with
/// the same noise without exchanging anything: argmax(log w + G) is a draw from w, and mostly the same token where the
/// two are similar.
package struct GumbelNoise: Sendable {
    /// Tokens with less than this share of the likeliest one's weight are pooled. This keeps the distribution (the
    /// greatest of several is distributed like one token with their total weight) and saves computing their noise.
    package static let threshold: Float = 0x1p-10

    private let random: CounterRandom
    private let position: Int

    package init(_ random: CounterRandom, position: Int) {
        self.random = random
        self.position = position
    }

    /// The Gumbel noise of a token, a finite number.
    package func value(_ token: Int) -> Double {
        -log(-log(max(random.uniform(position: position, stream: .gumbel(token)), 0x1p-54)))
    }

    /// The token with the greatest log weight + G; nil if it is one of the pooled unlikely tokens, from which the
    /// caller then draws, or if all weights are 0.
    /// - Parameters:
    ///   - weights: proportional to probabilities, the greatest 1.
    ///   - sums: of every `Sampler.sumWidth` weights.
    ///   - tokens: the token of each weight; nil if it is the index.
    package func greatest(
        _ weights: UnsafeBufferPointer<Float>, sums: UnsafePointer<Float>, tokens: [Int32]? = nil
    ) -> Int32? {
        var best: Int32?
        var highest = -Double.infinity
        var unlikely = 0.0
        for start in stride(from: 0, to: weights.count, by: Sampler.sumWidth) {
            let sum = sums[start / Sampler.sumWidth]
            guard sum >= Self.threshold else {
                unlikely += Double(sum)
                continue
            }
            for index in start..<min(start + Sampler.sumWidth, weights.count) {
                guard weights[index] >= Self.threshold else {
                    unlikely += Double(weights[index])
                    continue
                }
                let token = tokens.map { $0[index] } ?? Int32(index)
                let score = log(Double(weights[index])) + value(Int(token))
                if score > highest { (best, highest) = (token, score) }
            }
        }
        // The pool uses the noise of a token that no vocabulary has.
        return log(unlikely) + value(1 << 40) > highest ? nil : best
    }
}
