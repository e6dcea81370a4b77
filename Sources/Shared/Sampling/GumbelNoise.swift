#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Gumbel noise that is a function of (seed, position, token) alone, so that two distributions which never meet can be
/// drawn from with the same noise: argmax(log w + G) is a draw from w, and mostly the same token where they are alike.
package struct GumbelNoise: Sendable {
    /// Tokens with less than this share of the likeliest one's weight stand together as one, which keeps the
    /// distribution (the greatest of several is as one of their common weight) and saves their noise.
    package static let threshold: Float = 0x1p-10

    private let random: CounterRandom
    private let position: Int

    package init(_ random: CounterRandom, position: Int) {
        self.random = random
        self.position = position
    }

    /// G of a token, a finite number.
    package func value(_ token: Int) -> Double {
        -log(-log(max(random.uniform(position: position, stream: .gumbel(token)), 0x1p-54)))
    }

    /// The token where log weight + G is greatest; nil when it is one of the unlikely ones, which the caller draws, or
    /// there is no weight at all.
    /// - Parameters:
    ///   - weights: proportional to probabilities, the greatest 1.
    ///   - sums: of each `Sampler.block` weights.
    ///   - tokens: their names; nil for their places.
    package func greatest(
        _ weights: UnsafeBufferPointer<Float>, sums: UnsafePointer<Float>, tokens: [Int32]? = nil
    ) -> Int32? {
        var best: Int32?
        var highest = -Double.infinity
        var unlikely = 0.0
        for start in stride(from: 0, to: weights.count, by: Sampler.block) {
            let sum = sums[start / Sampler.block]
            guard sum >= Self.threshold else {
                unlikely += Double(sum)
                continue
            }
            for index in start..<min(start + Sampler.block, weights.count) {
                guard weights[index] >= Self.threshold else {
                    unlikely += Double(weights[index])
                    continue
                }
                let token = tokens.map { $0[index] } ?? Int32(index)
                let score = log(Double(weights[index])) + value(Int(token))
                if score > highest { (best, highest) = (token, score) }
            }
        }
        // The unlikely ones together have the noise of a token that no vocabulary has.
        return log(unlikely) + value(1 << 40) > highest ? nil : best
    }
}
