import SpeculateShared

/// Embedded tokens become normal noise: z(t) = √α x + √(1 − α) ε. A pass says which tokens x may be, and a token's own
/// state says more, by Bayes' rule; the mean of their embeddings is the guess. Steps are DDPM's, with new noise (Ho et
/// al. 2020), or DDIM's, without (Song et al. 2021).
package struct GaussianProcess: DiffusionProcess {
    /// Numbers of a state.
    package let width: Int
    /// [draft vocabulary, width], rows all of one length.
    private let embedding: [Float]
    /// [width, draft vocabulary] The same, as what adds to every token's logit reads it.
    private let columns: [Float]
    private let schedule: NoiseSchedule

    package init(width: Int, embedding: [Float], schedule: NoiseSchedule) {
        self.width = width
        self.embedding = embedding
        self.schedule = schedule
        let count = embedding.count / width
        var columns = [Float](repeating: 0, count: embedding.count)
        for choice in 0..<count {
            for dimension in 0..<width { columns[dimension * count + choice] = embedding[choice * width + dimension] }
        }
        self.columns = columns
    }

    package func begin(_ block: DraftBlock, _ draws: some StateDraws) {
        for index in 0..<block.count {
            for dimension in 0..<width {
                block.points.append(draws.normal(token: index, pass: -1, dimension: dimension))
            }
        }
    }

    package func step(
        _ block: DraftBlock, _ step: DenoisingStep, _ guesses: some BlockGuesses, _ draws: some StateDraws
    ) {
        let (ofGuess, ofState, ofNoise) = factors(step)
        for index in 0..<block.count {
            let probabilities = guesses.probabilities(of: index)
            weigh(probabilities, by: block.points[index * width..<(index + 1) * width], time: step.from)
            let guess = mean(UnsafeBufferPointer(probabilities))
            for dimension in 0..<width {
                let place = index * width + dimension
                block.points[place] = ofGuess * guess[dimension] + ofState * block.points[place]
                guard ofNoise > 0 else { continue }
                block.points[place] += ofNoise * draws.normal(token: index, pass: step.pass, dimension: dimension)
            }
        }
    }

    /// What a step multiplies the guess, the state and new noise with.
    package func factors(_ step: DenoisingStep) -> (guess: Float, state: Float, noise: Float) {
        let (later, earlier) = (schedule.alpha(step.from), schedule.alpha(step.to))
        if step.isDeterministic {
            // The state's own noise, at its new size.
            let noise = ((1 - earlier) / (1 - later)).squareRoot()
            return (Float(earlier.squareRoot() - noise * later.squareRoot()), Float(noise), 0)
        }
        let ratio = later / earlier
        let left = (1 - earlier) / (1 - later)
        return (
            Float(earlier.squareRoot() * (1 - ratio) / (1 - later)), Float(ratio.squareRoot() * left),
            Float(((1 - ratio) * left).squareRoot())
        )
    }

    package var hasEvidence: Bool { true }

    package func finish(
        _ logits: UnsafeMutableBufferPointer<Float>, at index: Int, of block: DraftBlock, time: Double
    ) {
        addEvidence(of: block.points[index * width..<(index + 1) * width], time: time, to: logits)
    }

    /// Adds to each token's logit log N(z; √α e, 1 − α), less what is the same for all of one length: √α/(1 − α) z · e.
    private func addEvidence(of state: ArraySlice<Float>, time: Double, to logits: UnsafeMutableBufferPointer<Float>) {
        let alpha = schedule.alpha(time)
        let sharpness = Float(alpha.squareRoot() / (1 - alpha))
        let count = logits.count
        columns.withUnsafeBufferPointer { columns in
            for (dimension, value) in state.enumerated() {
                let (factor, start) = (sharpness * value, dimension * count)
                for choice in 0..<count { logits[choice] += factor * columns[start + choice] }
            }
        }
    }

    /// Turns a pass's probabilities into those that know the token's own state. At a temperature T they are
    /// proportional to e^(u/T) times what the state says, whereas the last pass draws from e^((u + evidence)/T): a
    /// step's Bayes' rule is about the noise as it is, a draw sharpens all that is known.
    private func weigh(_ probabilities: UnsafeMutableBufferPointer<Float>, by state: ArraySlice<Float>, time: Double) {
        for choice in probabilities.indices { probabilities[choice] = log(probabilities[choice]) }
        addEvidence(of: state, time: time, to: probabilities)
        let greatest = probabilities.max() ?? 0
        var total: Float = 0
        for choice in probabilities.indices {
            probabilities[choice] = exp(probabilities[choice] - greatest)
            total += probabilities[choice]
        }
        for choice in probabilities.indices { probabilities[choice] /= total }
    }

    /// The tokens' mean embedding.
    private func mean(_ probabilities: UnsafeBufferPointer<Float>) -> [Float] {
        var mean = [Float](repeating: 0, count: width)
        embedding.withUnsafeBufferPointer { embedding in
            // What is less likely than this changes no digit.
            for (choice, probability) in probabilities.enumerated() where probability > 1e-9 {
                for dimension in 0..<width { mean[dimension] += probability * embedding[choice * width + dimension] }
            }
        }
        return mean
    }
}
