import CKernels

/// Draws tokens from logits. The distribution is a function of logits, options and history alone, and the draw one of
/// the distribution, the seed and the position: no state survives a call but scratch memory.
package final class Sampler {
    /// The model produced numbers that are not a distribution.
    package struct NonFiniteLogits: Error, Equatable, CustomStringConvertible {
        package init() {}

        package var description: String { "the model's logits are not finite numbers" }
    }

    /// How a distribution's draw depends on the random numbers.
    package enum Draw: Sendable {
        /// By inversion: one uniform number falls into a token's share of [0, 1).
        case inverse
        /// argmax(log p + G), with Gumbel noise G of its own for every token.
        case gumbel
    }

    /// Weights that one partial sum is of.
    package static let block = 256

    let vocabularySize: Int
    private let kernels: UnsafePointer<spk_kernels>
    /// Logits after bias and penalties, then weights: probabilities up to their common sum.
    private var weights: [Float]
    private var adjusted: [Float]
    private var blockSums: [Float]
    private var total = 0.0
    private var order: [Int32] = []
    private var heaviest = HeaviestWeights()
    /// Tokens up to which sorting them all takes no longer than a look at the whole vocabulary.
    private static let sortable = 2048

    package init(vocabularySize: Int, kernels: UnsafePointer<spk_kernels>) {
        self.vocabularySize = vocabularySize
        self.kernels = kernels
        weights = [Float](repeating: 0, count: vocabularySize)
        adjusted = weights
        blockSums = [Float](repeating: 0, count: (vocabularySize + Self.block - 1) / Self.block)
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

    /// Makes the distribution at hand that `draw`, `probability` and the like ask. The temperature is not 0.
    package func prepare(
        _ logits: UnsafePointer<Float>, _ options: SamplingOptions, history: TokenHistory
    ) throws(NonFiniteLogits) {
        total = try distribution(logits, options, history)
    }

    /// A draw from the distribution at hand, which must then be prepared anew.
    package func draw(
        _ draw: Draw, _ random: CounterRandom, position: Int, stream: CounterRandom.Stream = .verifier
    ) -> Int32 {
        switch draw {
        case .inverse: return self.draw(random.uniform(position: position, stream: stream) * total)
        case .gumbel:
            let noise = GumbelNoise(random, position: position)
            let likely = weights.withUnsafeBufferPointer { noise.greatest($0, sums: blockSums) }
            return likely ?? unlikelyDraw(random, position)
        }
    }

    /// A draw among the tokens that have no Gumbel noise of their own.
    private func unlikelyDraw(_ random: CounterRandom, _ position: Int) -> Int32 {
        for i in weights.indices where weights[i] >= GumbelNoise.threshold { weights[i] = 0 }
        sumBlocks()
        total = mass
        return draw(random.uniform(position: position, stream: .unlikely) * total)
    }

    /// Of the distribution at hand.
    package func probability(of token: Int32) -> Double { Double(weights[Int(token)]) / total }

    /// Takes q, the probabilities of some tokens, from `weight` times the distribution at hand, as far as there is any:
    /// what is left is the new distribution at hand.
    package func subtract(_ q: (_ body: (Int32, Double) -> Void) -> Void, from weight: Double) {
        var (closest, least) = (0, -Double.infinity)
        q { [self] token, probability in
            let left = weight * Double(weights[Int(token)]) / total - probability
            if left > least { (closest, least) = (Int(token), left) }
            weights[Int(token)] = Float(max(0, left / weight * total))
        }
        sumBlocks()
        if blockSums.allSatisfy({ $0 == 0 }) {  // The two are one distribution, but for rounding.
            weights[closest] = 1
            sumBlocks()
        }
        total = mass
    }

    /// The distribution itself: [vocabulary] probabilities that sum to 1 (a point mass at temperature 0).
    package func probabilities(
        _ logits: UnsafePointer<Float>, _ options: SamplingOptions, history: TokenHistory
    ) throws(NonFiniteLogits) -> [Double] {
        guard !options.isGreedy else {
            var point = [Double](repeating: 0, count: vocabularySize)
            point[Int(try sample(logits, options, history: history, position: 0))] = 1
            return point
        }
        try prepare(logits, options, history: history)
        return weights.map { Double($0) / total }
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

    /// Fills `weights` and `blockSums`; returns the sum of all weights.
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
            sumBlocks()
        }
        return mass
    }

    private func exponentiate(_ logits: UnsafePointer<Float>, _ temperature: Float) throws(NonFiniteLogits) {
        let greatest = logits[Int(try likeliest(logits))]
        weights.withUnsafeMutableBufferPointer { weights in
            blockSums.withUnsafeMutableBufferPointer { sums in
                kernels.pointee.exponentials(
                    logits, Int32(vocabularySize), greatest, 1 / temperature, weights.baseAddress!, sums.baseAddress!)
            }
        }
        guard blockSums.allSatisfy(\.isFinite) else { throw NonFiniteLogits() }
    }

    /// Top-k, then top-p among what is left: zeroes every weight that neither keeps. Ties go to lower ids.
    private func keepLikeliest(_ options: SamplingOptions) {
        let k = options.topK > 0 ? min(options.topK, vocabularySize) : vocabularySize
        let allMass = mass
        // Few tokens hold nearly all the mass: sort those first, and more only when they turn out not to be enough.
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
        sumBlocks()
    }

    private func keepLikeliestOfMany(_ options: SamplingOptions) {
        if options.topK > 0 {
            heaviest.keep(&weights, limit: options.topK, target: .infinity)
            sumBlocks()
        }
        if options.topP < 1 { heaviest.keep(&weights, limit: .max, target: Double(options.topP) * mass) }
        sumBlocks()
    }

    /// The sum of all weights.
    private var mass: Double { blockSums.reduce(0) { $0 + Double($1) } }

    private func sumBlocks() {
        for b in blockSums.indices {
            let range = b * Self.block..<min((b + 1) * Self.block, vocabularySize)
            blockSums[b] = weights[range].reduce(0, +)
        }
    }

    /// The token in whose share of [0, total) the number falls: whole blocks are skipped, then tokens counted in order.
    private func draw(_ target: Double) -> Int32 {
        var left = target
        var block = 0
        while block + 1 < blockSums.count, left >= Double(blockSums[block]) {
            left -= Double(blockSums[block])
            block += 1
        }
        // Rounding may carry the target past a block's last weight: then its last possible token is meant.
        while block > 0, blockSums[block] == 0 { block -= 1 }
        var last = block * Self.block
        for i in block * Self.block..<min((block + 1) * Self.block, vocabularySize) where weights[i] > 0 {
            last = i
            left -= Double(weights[i])
            if left < 0 { break }
        }
        return Int32(last)
    }
}
