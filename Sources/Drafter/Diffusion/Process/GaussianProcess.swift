import SpeculateShared

/// Embedded tokens become normal noise: z(t) = √α x + √(1 − α) ε. A pass says which tokens x may be, and a token's own
/// state says more, by Bayes' rule; the mean of their embeddings is the guess. Steps are DDPM's, with new noise (Ho et
/// al. 2020), or DDIM's, without (Song et al. 2021); clamped, they lead to the token that is nearest to the guess.
package struct GaussianProcess: DiffusionProcess {
    private typealias Lanes = TokenLanes.Lanes

    /// Numbers of a state.
    package let width: Int
    /// [draft vocabulary, width], rows all of one length.
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
        let guesses = guess(block, (0..<block.count).map(guesses.probabilities), time: step.from)
        for index in 0..<block.count {
            let guess = step.sampler == .clamped ? nearest(to: guesses[index]) : guesses[index]
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
        if step.sampler == .ddim || step.sampler == nil && step.isDeterministic {
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
    package var isOverruledBySureGuesses: Bool { true }

    package func finish(_ logits: [UnsafeMutableBufferPointer<Float>], of block: DraftBlock, time: Double) {
        TokenLanes.exchange(logits) { lanes, first in addEvidence(of: points(of: block, from: first), time, to: lanes) }
    }

    /// The points of up to eight tokens: [width].
    private func points(of block: DraftBlock, from first: Int) -> [Lanes] {
        var points = [Lanes](repeating: .zero, count: width)
        for index in first..<min(first + Lanes.scalarCount, block.count) {
            for dimension in 0..<width { points[dimension][index - first] = block.points[index * width + dimension] }
        }
        return points
    }

    /// Adds to each token's logit log N(z; √α e, 1 − α), less what is the same for all of one length: √α/(1 − α) z · e.
    private func addEvidence(of points: [Lanes], _ time: Double, to logits: UnsafeMutableBufferPointer<Lanes>) {
        let alpha = schedule.alpha(time)
        let sharpness = Float(alpha.squareRoot() / (1 - alpha))
        embedding.withUnsafeBufferPointer { embedding in
            points.withUnsafeBufferPointer { points in
                for choice in logits.indices {
                    var product = Lanes.zero
                    let row = choice * width
                    for dimension in 0..<width { product += embedding[row + dimension] * points[dimension] }
                    logits[choice] += sharpness * product
                }
            }
        }
    }

    /// What a pass holds each token's embedding to be: [block, width], the mean of its tokens' embeddings under the
    /// pass's probabilities and what the token's own state says. At a temperature T these are proportional to e^(u/T)
    /// times what the state says, whereas the last pass draws from e^((u + evidence)/T): a step's Bayes' rule is about
    /// the noise as it is, a draw sharpens all that is known.
    private func guess(
        _ block: DraftBlock, _ probabilities: [UnsafeMutableBufferPointer<Float>], time: Double
    ) -> [[Float]] {
        var guesses: [[Float]] = []
        for row in probabilities { for choice in row.indices { row[choice] = log(row[choice]) } }
        TokenLanes.exchange(probabilities) { lanes, first in
            addEvidence(of: points(of: block, from: first), time, to: lanes)
            let used = min(Lanes.scalarCount, block.count - first)
            let means = means(lanes, used)
            for lane in 0..<used { guesses.append(means.map { $0[lane] }) }
        }
        return guesses
    }

    /// The mean embedding [width] under logits [draft vocabulary], of so many lanes.
    private func means(_ logits: UnsafeMutableBufferPointer<Lanes>, _ used: Int) -> [Lanes] {
        let greatest = logits.reduce(Lanes(repeating: -.infinity)) { pointwiseMax($0, $1) }
        var means = [Lanes](repeating: .zero, count: width)
        var total = Lanes.zero
        embedding.withUnsafeBufferPointer { embedding in
            means.withUnsafeMutableBufferPointer { means in
                for choice in logits.indices {
                    let apart = logits[choice] - greatest
                    var weight = Lanes.zero
                    for lane in 0..<used { weight[lane] = exp(apart[lane]) }
                    total += weight
                    // What is less likely than this changes no digit.
                    guard weight.max() > 1e-9 else { continue }
                    let row = choice * width
                    for dimension in 0..<width { means[dimension] += embedding[row + dimension] * weight }
                }
            }
        }
        return means.map { $0 / total }
    }

    /// The embedding nearest to a point: all are of one length, so that it is the one whose product with it is
    /// greatest.
    private func nearest(to point: [Float]) -> [Float] {
        var (best, greatest) = (0, -Float.infinity)
        for first in stride(from: 0, to: embedding.count, by: width) {
            let product = point.indices.reduce(0) { $0 + point[$1] * embedding[first + $1] }
            if product > greatest { (best, greatest) = (first, product) }
        }
        return Array(embedding[best..<best + width])
    }
}
