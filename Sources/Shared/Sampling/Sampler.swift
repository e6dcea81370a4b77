import CKernels

/// Draws tokens from logits. The distribution is a function of logits, options and history alone, the draw a function
/// of the distribution, the seed and the position: nothing but scratch memory survives a call.
package final class Sampler {
    /// How a draw from a distribution uses the random numbers.
    package enum Draw: Sendable {
        /// By inversion: the token whose share of [0, 1) contains one uniform number.
        case inverse
        /// argmax(log p + G), with separate Gumbel noise G for every token.
        case gumbel
    }

    /// Weights per partial sum.
    package static let sumWidth = 256

    package let vocabularySize: Int
    private let kernels: UnsafePointer<spk_kernels>
    /// Logits after bias and penalties, then unnormalised probabilities.
    private var weights: [Float]
    private var adjusted: [Float]
    private var partialSums: [Float]
    private var total = 0.0
    private var order: [Int32] = []
    private var heaviest = HeaviestWeights()
    /// The most tokens that are sorted as fast as one scan of the whole vocabulary.
    private static let sortable = 2048

    package init(vocabularySize: Int, kernels: UnsafePointer<spk_kernels>) {
        self.vocabularySize = vocabularySize
        self.kernels = kernels
        weights = [Float](repeating: 0, count: vocabularySize)
        adjusted = weights
        partialSums = [Float](repeating: 0, count: (vocabularySize + Self.sumWidth - 1) / Self.sumWidth)
    }

    /// The next token: the likeliest at temperature 0 (the lowest id among equals), else a draw keyed by the seed and
    /// the position.
    /// - Parameter logits: [vocabulary]
    package func sample(
        _ logits: UnsafePointer<Float>, _ options: SamplingOptions, history: TokenHistory, position: Int,
        draw: Draw = .inverse
    ) throws(NonFiniteLogits) -> Int32 {
        guard !options.isGreedy else {
            if options.takesLikeliest { return try likeliest(logits) }
            adjust(logits, options, history)
            return try adjusted.withUnsafeBufferPointer { p throws(NonFiniteLogits) in try likeliest(p.baseAddress!) }
        }
        try prepare(logits, options, history: history)
        return self.draw(draw, CounterRandom(seed: options.seed), position: position)
    }

    /// Computes the distribution that `draw`, `probability` and the others then use. The temperature must not be 0.
    package func prepare(
        _ logits: UnsafePointer<Float>, _ options: SamplingOptions, history: TokenHistory
    ) throws(NonFiniteLogits) {
        total = try distribution(logits, options, history)
    }

    /// A draw from the current distribution, which must then be prepared again.
    package func draw(
        _ draw: Draw, _ random: CounterRandom, position: Int, stream: CounterRandom.Stream = .verifier
    ) -> Int32 {
        switch draw {
        case .inverse: return self.draw(random.uniform(position: position, stream: stream) * total)
        case .gumbel:
            let noise = GumbelNoise(random, position: position)
            let likely = weights.withUnsafeBufferPointer { noise.greatest($0, sums: partialSums) }
            return likely ?? unlikelyDraw(random, position)
        }
    }

    /// A draw among the tokens that were pooled for the Gumbel noise.
    private func unlikelyDraw(_ random: CounterRandom, _ position: Int) -> Int32 {
        for i in weights.indices where weights[i] >= GumbelNoise.threshold { weights[i] = 0 }
        sumWeights()
        total = mass
        return draw(random.uniform(position: position, stream: .unlikely) * total)
    }

    /// The token's probability under the current distribution.
    package func probability(of token: Int32) -> Double {
        weights.indices.contains(Int(token)) ? Double(weights[Int(token)]) / total : 0
    }

    /// Replaces the current distribution p by the normalised (weight · p − q)+, where `q` calls its argument with the
    /// tokens that have a probability and these probabilities.
    package func subtract(_ q: (_ body: (Int32, Double) -> Void) -> Void, from weight: Double) {
        var (closest, least) = (0, -Double.infinity)
        q { [self] token, probability in
            guard weights.indices.contains(Int(token)) else { return }  // Drafters may be written elsewhere.
            let left = weight * Double(weights[Int(token)]) / total - probability
            if left > least { (closest, least) = (Int(token), left) }
            weights[Int(token)] = Float(max(0, left / weight * total))
        }
        sumWeights()
        if partialSums.allSatisfy({ $0 == 0 }) {  // Equal distributions, up to rounding.
            weights[closest] = 1
            sumWeights()
        }
        total = mass
    }

    func likeliest(_ logits: UnsafePointer<Float>) throws(NonFiniteLogits) -> Int32 {
        guard let token = kernels.pointee.likeliest(logits, vocabularySize) else { throw NonFiniteLogits() }
        return token
    }

    private func adjust(_ logits: UnsafePointer<Float>, _ options: SamplingOptions, _ history: TokenHistory) {
        adjusted.withUnsafeMutableBufferPointer { adjusted in
            adjusted.baseAddress!.update(from: logits, count: vocabularySize)
            for (token, bias) in options.logitBias { adjusted[Int(token)] += bias }
            guard options.hasPenalties else { return }
            func repeated(_ token: Int32) {
                let logit = adjusted[Int(token)]
                adjusted[Int(token)] =
                    logit > 0 ? logit / options.repetitionPenalty : logit * options.repetitionPenalty
            }
            for token in history.prompt where history.answer[token] == nil { repeated(token) }
            for (token, count) in history.answer {
                repeated(token)
                adjusted[Int(token)] -= options.presencePenalty + Float(count) * options.frequencyPenalty
            }
        }
    }

    /// Fills `weights` and `partialSums`; returns the sum of all weights.
    private func distribution(
        _ logits: UnsafePointer<Float>, _ options: SamplingOptions, _ history: TokenHistory
    ) throws(NonFiniteLogits) -> Double {
        if options.logitBias.isEmpty, !options.hasPenalties {
            try exponentiate(logits, options.temperature)
        } else {
            adjust(logits, options, history)
            try adjusted.withUnsafeBufferPointer { p throws(NonFiniteLogits) in
                try exponentiate(p.baseAddress!, options.temperature)
            }
        }
        if options.topK > 0 && options.topK < vocabularySize || options.topP < 1 { keepLikeliest(options) }
        if options.minP > 0 {
            // The likeliest token's weight is exp(0) = 1.
            for i in weights.indices where weights[i] < options.minP { weights[i] = 0 }
            sumWeights()
        }
        return mass
    }

    private func exponentiate(_ logits: UnsafePointer<Float>, _ temperature: Float) throws(NonFiniteLogits) {
        let greatest = logits[Int(try likeliest(logits))]
        weights.withUnsafeMutableBufferPointer { weights in
            partialSums.withUnsafeMutableBufferPointer { sums in
                kernels.pointee.exponentials(
                    logits, Int32(vocabularySize), greatest, 1 / temperature, weights.baseAddress!, sums.baseAddress!)
            }
        }
        guard partialSums.allSatisfy(\.isFinite) else { throw NonFiniteLogits() }
    }

    /// Applies top-k, then top-p to what is left: zeroes every weight that either drops. Among equals, lower ids are
    /// kept.
    private func keepLikeliest(_ options: SamplingOptions) {
        let k = options.topK > 0 ? min(options.topK, vocabularySize) : vocabularySize
        let allMass = mass
        // Few tokens hold nearly all the mass: sort those first, and more only if they are not enough.
        var kept = 0
        for threshold: Float in [1e-3, 1e-6, 0] {
            order.removeAll(keepingCapacity: true)
            weights.withUnsafeBufferPointer { weights in
                for i in 0..<weights.count where weights[i] > threshold { order.append(Int32(i)) }
            }
            guard order.count <= Self.sortable else { return keepLikeliestOfMany(options) }
            weights.withUnsafeBufferPointer { weights in
                order.sort { (weights[Int($1)], $0) < (weights[Int($0)], $1) }
            }
            guard order.count >= k || options.topK == 0 || threshold == 0 else { continue }
            let candidates = min(order.count, k)
            let mass = options.topK > 0 ? order[..<candidates].reduce(0) { $0 + Double(weights[Int($1)]) } : allMass
            var sum = 0.0
            kept = 0
            while kept < candidates, sum < Double(options.topP) * mass || kept == 0 {
                sum += Double(weights[Int(order[kept])])
                kept += 1
            }
            if options.topP < 1, sum < Double(options.topP) * mass, threshold > 0 { continue }
            if options.topP == 1 { kept = candidates }
            break
        }
        let survivors = order[..<kept].map { (Int($0), weights[Int($0)]) }
        for i in weights.indices { weights[i] = 0 }
        for (token, weight) in survivors { weights[token] = weight }
        sumWeights()
    }

    private func keepLikeliestOfMany(_ options: SamplingOptions) {
        if options.topK > 0 {
            heaviest.keep(&weights, limit: options.topK, target: .infinity)
            sumWeights()
        }
        if options.topP < 1 { heaviest.keep(&weights, limit: .max, target: Double(options.topP) * mass) }
        sumWeights()
    }

    /// The sum of all weights.
    private var mass: Double { partialSums.reduce(0) { $0 + Double($1) } }

    private func sumWeights() {
        for b in partialSums.indices {
            let range = b * Self.sumWidth..<min((b + 1) * Self.sumWidth, vocabularySize)
            partialSums[b] = weights[range].reduce(0, +)
        }
    }

    /// The token whose share of [0, total) contains `target`: skips whole partial sums, then adds token by token.
    private func draw(_ target: Double) -> Int32 {
        var left = target
        var part = 0
        while part + 1 < partialSums.count, left >= Double(partialSums[part]) {
            left -= Double(partialSums[part])
            part += 1
        }
        // Rounding can carry the target past the last weight: then the last token with a weight is the one.
        while part > 0, partialSums[part] == 0 { part -= 1 }
        var last = part * Self.sumWidth
        for i in part * Self.sumWidth..<min((part + 1) * Self.sumWidth, vocabularySize) where weights[i] > 0 {
            last = i
            left -= Double(weights[i])
            if left < 0 { break }
        }
        return Int32(last)
    }
}
