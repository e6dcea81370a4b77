import SpeculateShared

/// Embedded tokens become normal noise: z(t) = √α x + √(1 − α) ε. A pass says which tokens x may be; the mean of their
/// embeddings is its guess. Steps are DDPM's, with new noise (Ho et al. 2020), or DDIM's, without (Song et al. 2021).
package struct GaussianProcess: DiffusionProcess {
    /// Numbers of a state.
    package let width: Int
    /// [draft vocabulary, width]
    private let embedding: [Float]
    private let schedule: NoiseSchedule

    package init(width: Int, embedding: [Float], schedule: NoiseSchedule) {
        self.width = width
        self.embedding = embedding
        self.schedule = schedule
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
            let guess = mean(UnsafeBufferPointer(guesses.probabilities(of: index)))
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
