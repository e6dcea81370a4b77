import SpeculateShared
import TestSupport
import Testing

@testable import SpeculateDrafter

/// Steps of score networks, of masks and of Gaussian vectors.
extension ProcessTests {
    @Test("steps of score networks are Tweedie's: (e^(−ΔσR) s)(y) · e^(ΔσR)(x, y)", arguments: NoiseSchedule.allCases)
    func tweedie(_ schedule: NoiseSchedule) {
        let count = 4
        var random = SplitMix(9)
        let absorbing = (0...count).map { i in
            (0...count).map { $0 == i ? (i == count ? 0.0 : -1) : ($0 == count && i < count ? 1.0 : 0) }
        }
        for (from, to) in Self.times where schedule.sigma(from).isFinite {
            let level = schedule.sigma(from) - schedule.sigma(to)
            let alpha = schedule.alpha(from)
            let p = normalized(random.floats(count, in: 0.1...1).map { Double($0) })
            // From x by rates R(x, y); ratios move by the transposed matrix.
            func step(_ rates: Matrix, _ scores: [Double], at state: Int) -> [Double] {
                let back = exponential(rates, -level)
                let forth = exponential(rates, level)
                return scores.indices.map { y in
                    scores.indices.reduce(0) { $0 + back[$1][y] * scores[$1] } * forth[y][state]
                }
            }
            for state in 0..<count {
                let (a, b) = (alpha + (1 - alpha) / Double(count), (1 - alpha) / Double(count))
                let scores = p.map { (b + (a - b) * $0) / (b + (a - b) * p[state]) }
                let expected = normalized(step(uniformRates(count), scores, at: state))
                let own = weights(ScoreUniformProcess(vocabulary: count, schedule: schedule), p, state, from, to)
                for (own, other) in zip(own, expected) { #expect(abs(own - other) < 2e-6) }
            }
            for mass in [-0.4, 0, 0.1] {
                let scores = p.map { exp(mass) * $0 * alpha / (1 - alpha) } + [1]
                let expected = step(absorbing, scores, at: count)
                let revealed = ScoreAbsorbingProcess(schedule: schedule).revealing(moving(from, to), logMass: mass)
                #expect(abs(revealed - min(1, expected[..<count].reduce(0, +))) < 1e-9)
                #expect(abs(max(0, expected[count]) - (1 - revealed)) < 1e-9)
            }
        }
    }

    @Test(
        "Euler's steps are Δt σ' R(y, x) s(y), in all at most 1, and Tweedie's in the limit",
        arguments: NoiseSchedule.allCases)
    func euler(_ schedule: NoiseSchedule) {
        let count = 4
        let p = [0.1, 0.2, 0.3, 0.4]
        for (from, to) in Self.times + [(0.5, 0.4999)] where schedule.sigma(from).isFinite {
            let alpha = schedule.alpha(from)
            let rate = (schedule.sigma(from + 1e-6) - schedule.sigma(from - 1e-6)) / 2e-6
            let (a, b) = (alpha + (1 - alpha) / Double(count), (1 - alpha) / Double(count))
            let uniform = ScoreUniformProcess(vocabulary: count, schedule: schedule)
            for state in 0..<count {
                let scores = p.map { (b + (a - b) * $0) / (b + (a - b) * p[state]) }
                var expected = scores.map { (from - to) * rate / Double(count) * $0 }
                expected[state] = 0
                let leaving = expected.reduce(0, +)
                expected = expected.map { $0 / max(1, leaving) }
                expected[state] = 1 - expected.reduce(0, +)
                let own = weights(uniform, p, state, from, to, .euler)
                for (own, other) in zip(own, expected) { #expect(abs(own - other) < 1e-5) }
                guard from - to < 1e-3 else { continue }
                for (own, other) in zip(own, weights(uniform, p, state, from, to)) { #expect(abs(own - other) < 1e-5) }
            }
            for mass in [-0.4, 0, 0.1] {
                let expected = (from - to) * rate * exp(mass) * alpha / (1 - alpha)
                let process = ScoreAbsorbingProcess(schedule: schedule)
                let revealed = process.revealing(moving(from, to, .euler), logMass: mass)
                #expect(abs(revealed - min(1, expected)) < 1e-5)
                guard from - to < 1e-3 else { continue }
                #expect(abs(revealed - process.revealing(moving(from, to), logMass: mass)) < 1e-5)
            }
        }
        // Where nothing is left every state is as likely, and it is left for certain.
        for schedule in [NoiseSchedule.linear, .cosine] {
            let all = weights(ScoreUniformProcess(vocabulary: count, schedule: schedule), p, 1, 1, 0.5, .euler)
            for (own, other) in zip(all, [1 / 3.0, 0, 1 / 3.0, 1 / 3.0]) { #expect(abs(own - other) < 1e-6) }
        }
    }

    @Test("ancestral steps of masks reveal each by itself, as likely as noise took it in between")
    func ancestral() {
        struct Counting: StateDraws {
            let asked: Locked<[Double]>

            func choose(_ weights: UnsafeBufferPointer<Float>, token: Int, pass: Int) -> Int { 0 }
            func begin(among count: Int, token: Int) -> Int { 0 }
            func normal(token: Int, pass: Int, dimension: Int) -> Float { 0 }
            func happens(_ probability: Double, token: Int, pass: Int) -> Bool {
                asked.withLock { $0.append(probability) }
                return token == 2
            }
        }
        for schedule in NoiseSchedule.allCases {
            for (from, to) in Self.times {
                let block = DraftBlock()
                block.reset(count: 4)
                block.isRevealed[1] = true
                let asked = Locked<[Double]>([])
                var memory: [Float] = [1]
                memory.withUnsafeMutableBufferPointer {
                    AbsorbingProcess(schedule: schedule).step(
                        block, moving(from, to, .ancestral), Given(rows: [$0]), Counting(asked: asked))
                }
                #expect(block.isRevealed == [false, true, true, false])
                let (later, earlier) = (schedule.alpha(from), schedule.alpha(to))
                for probability in asked.withLock(\.self) {
                    // Masked at the later time, and not yet at the earlier.
                    #expect(abs(probability - (earlier - later) / (1 - later)) < 1e-12)
                }
                #expect(asked.withLock(\.count) == 3)
            }
        }
    }

    @Test("a clamped step leads to the embedding nearest to the guess")
    func clamped() {
        let embedding: [Float] = [1, 1, -1, 1, 1, -1]
        let process = GaussianProcess(width: 2, embedding: embedding, schedule: .linear)
        let draws = KeyedStateDraws(random: CounterRandom(seed: 1), position: 0)
        func after(_ prior: [Float], _ sampler: DiffusionSampler) -> [Float] {
            let block = DraftBlock()
            block.reset(count: 1)
            block.points = [0.1, 0.2]
            var probabilities = prior
            probabilities.withUnsafeMutableBufferPointer {
                process.step(block, moving(0.9, 0.4, sampler), Given(rows: [$0]), draws)
            }
            return block.points
        }
        // The state says next to nothing: the third token has the most of the guess, and then all of it.
        #expect(after([0.1, 0.1, 0.8], .clamped) == after([1e-20, 1e-20, 1], .clamped))
        #expect(after([0.1, 0.1, 0.8], .ancestral) != after([1e-20, 1e-20, 1], .ancestral))
    }

    @Test("Gaussian steps are the bridge to the guess, and DDIM's keep the noise", arguments: NoiseSchedule.allCases)
    func gaussian(_ schedule: NoiseSchedule) {
        let process = GaussianProcess(width: 1, embedding: [0], schedule: schedule)
        for (from, to) in Self.times {
            let (later, earlier) = (schedule.alpha(from), schedule.alpha(to))
            var step = DenoisingStep(pass: 0, from: from, to: to)
            // Of two normal numbers with these variances and this covariance, one given the other.
            let covariance = (later / earlier).squareRoot() * (1 - earlier)
            let slope = covariance / (1 - later)
            let bridge = process.factors(step)
            #expect(abs(Double(bridge.state) - slope) < 1e-6)
            #expect(abs(Double(bridge.guess) - (earlier.squareRoot() - slope * later.squareRoot())) < 1e-6)
            #expect(abs(Double(bridge.noise * bridge.noise) - (1 - earlier - covariance * slope)) < 1e-6)
            step.sampler = .ddim
            let kept = process.factors(step)
            step.isDeterministic = true
            step.sampler = nil
            #expect(process.factors(step) == kept)
            step.sampler = .ancestral
            #expect(process.factors(step) == bridge)
            #expect(kept.noise == 0)
            for (clean, noise) in [(1.0, 0.0), (0, 1), (0.7, -1.2)] {
                let state = later.squareRoot() * clean + (1 - later).squareRoot() * noise
                let next = Double(kept.guess) * clean + Double(kept.state) * state
                #expect(abs(next - (earlier.squareRoot() * clean + (1 - earlier).squareRoot() * noise)) < 1e-6)
            }
        }
    }

    @Test("a Gaussian token's own state weighs tokens as its density does", arguments: NoiseSchedule.allCases)
    func density(_ schedule: NoiseSchedule) {
        let embedding: [Float] = [1, 1, -1, 1, 1, -1]  // Three tokens, all of one length.
        let process = GaussianProcess(width: 2, embedding: embedding, schedule: schedule)
        let (prior, state): ([Double], [Float]) = ([0.5, 0.3, 0.2], [0.4, -0.7])
        for (from, to) in Self.times {
            let alpha = schedule.alpha(from)
            let known = prior.indices.map { token in
                let apart = (0..<2).map {
                    Double(state[$0]) - alpha.squareRoot() * Double(embedding[2 * token + $0])
                }
                return prior[token] * exp(-(apart[0] * apart[0] + apart[1] * apart[1]) / (2 * (1 - alpha)))
            }
            let total = known.reduce(0, +)
            let block = DraftBlock()
            block.reset(count: 1)
            block.points = state
            var logits = prior.map { Float(log($0)) }
            logits.withUnsafeMutableBufferPointer { process.finish([$0], of: block, time: from) }
            for token in 1..<3 {
                #expect(abs(Double(logits[token] - logits[0]) - log(known[token] / known[0])) < 1e-4)
            }
            var step = DenoisingStep(pass: 0, from: from, to: to)
            step.isDeterministic = true
            let factors = process.factors(step)
            var probabilities = prior.map { Float($0) }
            probabilities.withUnsafeMutableBufferPointer {
                process.step(
                    block, step, Given(rows: [$0]), KeyedStateDraws(random: CounterRandom(seed: 1), position: 0))
            }
            for dimension in 0..<2 {
                let mean = (0..<3).reduce(0) { $0 + known[$1] / total * Double(embedding[2 * $1 + dimension]) }
                let expected = Double(factors.guess) * mean + Double(factors.state * state[dimension])
                #expect(abs(Double(block.points[dimension]) - expected) < 1e-5)
            }
        }
    }
}
