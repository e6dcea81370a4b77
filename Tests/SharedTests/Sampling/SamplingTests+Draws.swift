import Foundation
@testable import SpeculateShared
import Testing
import TestSupport

/// Draws have the distribution that they are drawn from.
extension SamplingTests {
    @Test(
        "draws follow the distribution (χ², fixed seeds) and the same seed and position give the same token",
        arguments: distributions,
        [Sampler.Draw.inverse, .gumbel])
    func draws(options: SamplingOptions, draw: Sampler.Draw) throws {
        var rng = SplitMix(2)
        let count = 600
        let logits = rng.floats(count, in: -4...4)
        let sampler = Sampler(vocabularySize: count, kernels: kernels)
        let distribution = try sampler.probabilities(logits, options, history: TokenHistory())
        var options = options
        var counts = [Int](repeating: 0, count: count)
        let draws = draw == .inverse ? 20_000 : 5_000  // Noise for hundreds of tokens is slow.
        for position in 0..<draws {
            options.seed = UInt64(position % 7)
            let token = try sampler.sample(logits, options, history: TokenHistory(), position: position, draw: draw)
            if position % 100 == 0 {
                #expect(
                    try Sampler(vocabularySize: count, kernels: kernels).sample(
                        logits, options, history: TokenHistory(), position: position, draw: draw) == token)
            }
            counts[Int(token)] += 1
        }
        // Tokens expected fewer than 10 times share a cell.
        var statistic = 0.0
        var cells = 0
        var rest = (expected: 0.0, seen: 0)
        for token in 0..<count {
            let expected = distribution[token] * Double(draws)
            #expect(expected > 0 || counts[token] == 0)
            if expected < 10 {
                rest = (rest.expected + expected, rest.seen + counts[token])
            } else {
                statistic += pow(Double(counts[token]) - expected, 2) / expected
                cells += 1
            }
        }
        if rest.expected >= 10 {
            statistic += pow(Double(rest.seen) - rest.expected, 2) / rest.expected
            cells += 1
        }
        // 4.5 standard deviations of χ² with cells − 1 degrees of freedom.
        let freedom = Double(cells - 1)
        #expect(statistic <= freedom + 4.5 * (2 * max(freedom, 1)).squareRoot())
    }

    @Test("two distributions drawn from with the same Gumbel noise agree as often as the theory says")
    func coupling() throws {
        var rng = SplitMix(4)
        let count = 40
        let distributions = [rng.floats(count, in: -2...2), rng.floats(count, in: -2...2)]
        let sampler = Sampler(vocabularySize: count, kernels: kernels)
        let options = SamplingOptions(temperature: 1, seed: 3)
        let p = try sampler.probabilities(distributions[0], options, history: TokenHistory())
        let q = try sampler.probabilities(distributions[1], options, history: TokenHistory())
        // P(both take i) = 1 / Σ max(p/pᵢ, q/qᵢ), by integration over the noise.
        var expected = 0.0
        for i in 0..<count {
            let terms: [Double] = (0..<count).map { max(p[$0] / p[i], q[$0] / q[i]) }
            expected += 1 / terms.reduce(0, +)
        }
        let draws = 20_000
        var agreed = 0
        for position in 0..<draws {
            let tokens = try distributions.map {
                try sampler.sample($0, options, history: TokenHistory(), position: position, draw: .gumbel)
            }
            if tokens[0] == tokens[1] { agreed += 1 }
        }
        let deviation = (expected * (1 - expected) / Double(draws)).squareRoot()
        #expect(abs(Double(agreed) / Double(draws) - expected) < 4.5 * deviation)
        let common = zip(p, q).map { min($0, $1) }.reduce(0, +)
        #expect(expected >= common / (2 - common))
    }

    @Test("a draw by inversion from a whole vocabulary has the probability that is reported for it")
    func inversion() {
        // One large weight comes first, after which float sums would lose a significant part of the rest.
        let size = 49_152
        var rng = SplitMix(14)
        var weights = (0..<size).map { _ in Float.random(in: 0...3e-8, using: &rng) }
        weights[0] = 1
        weights[size - 1] = 0
        weights.withUnsafeBufferPointer { weights in
            let total = weights.reduce(0.0) { $0 + Double($1) }
            #expect(abs(Inversion.draw(weights, 0).total - total) < 1e-12)
            #expect(abs(Double(weights.reduce(0, +)) - total) > 1e-4)  // Floats would be this far off.
            // Each token is drawn exactly for the numbers between its cumulative weight and the next one's.
            var cumulative = 0.0
            for index in stride(from: 0, to: size - 1, by: 97) {
                cumulative = weights[..<index].reduce(0.0) { $0 + Double($1) }
                let share = Double(weights[index])
                #expect(Inversion.draw(weights, (cumulative + share / 4) / total).index == index)
                #expect(Inversion.draw(weights, (cumulative + share * 3 / 4) / total).index == index)
            }
            // Neither the likeliest token nor one without weight.
            #expect(Inversion.draw(weights, 1.0.nextDown).index == size - 2)
        }
    }
}
