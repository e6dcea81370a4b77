import Foundation

extension Sampler {
    /// Natural logarithms of the model's own probabilities, softmax(logits): of a token, and of the likeliest ones in
    /// descending order, equal ones by id. Discards the current distribution.
    /// - Parameters:
    ///   - logits: [vocabulary]
    ///   - count: how many of the likeliest, at most the vocabulary.
    package func logprobs(
        _ logits: UnsafePointer<Float>, of token: Int32, likeliest count: Int
    ) throws(NonFiniteLogits) -> (chosen: Float, likeliest: [(token: Int32, logprob: Float)]) {
        try prepare(logits, SamplingOptions(temperature: 1), history: TokenHistory(prompt: []))
        var order: [Int32] = []  // At least one: the rest is measured against the likeliest.
        for candidate in 0..<Int32(vocabularySize) {
            let logit = logits[Int(candidate)]
            if order.count >= max(count, 1) {
                guard logit > logits[Int(order[order.count - 1])] else { continue }
                order.removeLast()
            }
            order.insert(candidate, at: order.firstIndex { logits[Int($0)] < logit } ?? order.count)
        }
        let best = order[0]
        let logprobOfBest = Float(log(probability(of: best)))
        func logprob(_ token: Int32) -> Float { logprobOfBest + (logits[Int(token)] - logits[Int(best)]) }
        return (logprob(token), order.prefix(count).map { ($0, logprob($0)) })
    }

    /// log Σ exp(logit). Discards the current distribution.
    package func logTotal(_ logits: UnsafePointer<Float>) throws(NonFiniteLogits) -> Float {
        try prepare(logits, SamplingOptions(temperature: 1), history: TokenHistory(prompt: []))
        let best = try likeliest(logits)
        return logits[Int(best)] - Float(log(probability(of: best)))
    }
}
