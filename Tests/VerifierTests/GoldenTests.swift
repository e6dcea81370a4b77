import Foundation
import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport

/// Comparison with independent implementations: `Tests/Fixtures/make.py`.
@Suite struct GoldenTests {
    /// Rounding activations to 8 bits, as every engine for such files does, flips near ties. `make.py` therefore also
    /// rounds them by the same rule inside transformers, and the engine may lose no more than that does.
    @Test("on 2,048 positions of prose the verifier is as near to transformers in floats as 8-bit activations allow")
    func prose() throws {
        let golden = try GoldenDistribution()
        let tokens = golden.tokens
        let verifier = try Fixtures.verifier()
        #expect(Array(verifier.tokenizer.encode(try Fixtures.bytes("prose.txt")).prefix(tokens.count)) == tokens)
        let cache = try verifier.makeCache(capacity: tokens.count)
        let batch = RowBatch(capacity: 128)
        var agreements = (ours: 0.0, rounded: 0.0)
        var divergence = (ours: 0.0, rounded: 0.0)
        var surprise = (ours: 0.0, float: 0.0)
        var clear = (agreeing: 0.0, all: 0.0)
        let count = tokens.count - 1
        for start in stride(from: 0, to: count, by: 128) {
            batch.removeAll()
            batch.append(tokens[start..<min(start + 128, count)], to: cache, logits: .all)
            let pass = verifier.forward(batch)
            for row in 0..<batch.rowCount {
                let position = start + row
                let float = golden.float[position]
                let rounded = golden.rounded[position]
                let (likeliest, distribution) = distribution(verifier, pass, row)
                surprise.float -= float.following
                surprise.ours -= distribution(Int(tokens[position + 1]))
                divergence.ours += float.divergence(from: distribution)
                divergence.rounded += float.divergence(from: rounded.logProbability)
                if float.tokens[0] == likeliest { agreements.ours += 1 }
                if float.tokens[0] == rounded.tokens[0] { agreements.rounded += 1 }
                if float.logProbabilities[0] - float.logProbabilities[1] > 0.25 {
                    clear.all += 1
                    if float.tokens[0] == likeliest { clear.agreeing += 1 }
                }
            }
        }
        let n = Double(count)
        let perplexity = (ours: exp(surprise.ours / n), float: exp(surprise.float / n))
        print(
            "top-1 \(agreements.ours / n), by rounding alone \(agreements.rounded / n);",
            "KL \(divergence.ours / n), by rounding alone \(divergence.rounded / n);",
            "top-1 where the first leads by 0.25 nats \(clear.agreeing / clear.all) of \(clear.all);",
            "perplexity \(perplexity.ours), in floats \(perplexity.float)")
        #expect(divergence.ours / n < 0.005)
        #expect(abs(perplexity.ours / perplexity.float - 1) < 0.01)
        #expect(clear.agreeing / clear.all >= 0.99 && clear.all / n > 0.7)
        // Two samples of the same rounding noise differ by at most three standard deviations of a count of 2,048.
        #expect(agreements.ours >= agreements.rounded - 3 * (n * 0.035).squareRoot())
        #expect(divergence.ours <= 1.1 * divergence.rounded)
    }

    /// The likeliest token of a row and its log-probabilities.
    private func distribution(
        _ verifier: Verifier, _ pass: PassResult, _ row: Int
    ) -> (likeliest: Int, distribution: (Int) -> Double) {
        let logits = pass.logits(row)
        let count = Int32(verifier.config.vocabulary)
        let kernels = verifier.kernels.table.pointee
        let likeliest = Int(kernels.argmax(logits, count))
        let shift = logits[likeliest]
        var weights = [Float](repeating: 0, count: verifier.config.vocabulary)
        var sums = [Float](repeating: 0, count: (weights.count + 255) / 256)
        kernels.exponentials(logits, count, shift, 1, &weights, &sums)
        let total = log(sums.reduce(0.0) { $0 + Double($1) }) + Double(shift)
        return (likeliest, { Double(logits[$0]) - total })
    }

    @Test(
        "architectures give the logits of transformers",
        arguments: [
            "tiny-llama3", "tiny-linear", "tiny-qwen2", "tiny-qwen3", "tiny-smollm3", "tiny-gemma3", "tiny-granite",
            "tiny-olmo2", "tiny-olmo3", "tiny-mistral3", "tiny-phi3", "tiny-phi3-short", "tiny-qwen3moe",
        ])
    func architecture(name: String) throws {
        try compare(name, name)
    }

    @Test("LongRoPE: short factors unless a context beyond the original one is asked for, long ones for all of that")
    func longRope() throws {
        // The text is 32 tokens long, which is the original context.
        try compare("tiny-phi3", "tiny-phi3-start", context: nil)
        try compare("tiny-phi3", "tiny-phi3-start", context: 32)
        #expect(try distance("tiny-phi3", "tiny-phi3-start", context: 33) > 0.1)
        // 48 tokens.
        try compare("tiny-phi3", "tiny-phi3", context: 48)
        let verifier = try Verifier(
            Checkpoint(path: Fixtures.path("tiny-phi3.gguf")), kernels: Kernels(), pool: WorkerPool(count: 1))
        #expect(verifier.weights.context == 32 && verifier.config.context == 512)
    }

    private func compare(_ name: String, _ golden: String, context: Int? = 512) throws {
        let distance = try distance(name, golden, context: context)
        // Weights are floats here; the difference is due to 16-bit keys and values.
        #expect(distance < 2e-3, "\(golden): \(distance)")
    }

    /// How far the engine's logits are from the golden ones, as a part of their norm.
    private func distance(_ name: String, _ golden: String, context: Int?) throws -> Double {
        let verifier = try Verifier(
            Checkpoint(path: Fixtures.path(name + ".gguf")), contextLength: context, kernels: Kernels(),
            pool: WorkerPool(count: 2))
        let expected = try Fixtures.floats(golden + ".logits")
        let count = expected.count / 260
        let batch = RowBatch(capacity: count)
        batch.append((0..<count).map { Int32(($0 * 37 + 11) % 258) }, to: try verifier.makeCache(), logits: .all)
        let pass = verifier.forward(batch)
        var error = 0.0
        var norm = 0.0
        for row in 0..<count {
            for token in 0..<260 {
                let value = Double(expected[row * 260 + token])
                error += pow(Double(pass.logits(row)[token]) - value, 2)
                norm += value * value
            }
        }
        return (error / norm).squareRoot()
    }
}
