import SpeculateShared

extension Sampler {
    /// The distribution that `sample` draws from: [vocabulary] probabilities that sum to 1, a point mass at temperature 0.
    package func probabilities(
        _ logits: UnsafePointer<Float>, _ options: SamplingOptions, history: TokenHistory
    ) throws -> [Double] {
        guard !options.isGreedy else {
            var point = [Double](repeating: 0, count: vocabularySize)
            point[Int(try sample(logits, options, history: history, position: 0))] = 1
            return point
        }
        try prepare(logits, options, history: history)
        return (0..<Int32(vocabularySize)).map { probability(of: $0) }
    }
}
