import Foundation
import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport

/// Against independent implementations: `Tests/Fixtures/make.py`.
@Suite struct GoldenTests {
    @Test("on 2,048 positions of prose the verifier agrees with transformers in floats: top-1, KL and perplexity")
    func prose() throws {
        let bytes = try Fixtures.bytes("verifier.bin")
        func int(_ offset: Int) -> Int { bytes.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: offset, as: Int32.self)) } }
        func float(_ offset: Int) -> Double { bytes.withUnsafeBytes { Double($0.loadUnaligned(fromByteOffset: offset, as: Float.self)) } }
        let positions = int(0)
        let top = int(4)
        let stride = 8 + top * 8
        let tokens = (0..<positions).map { Int32(int(8 + $0 * stride)) }

        let verifier = try Fixtures.verifier()
        #expect(Array(verifier.tokenizer.encode(try Fixtures.bytes("prose.txt")).prefix(positions)) == tokens)
        let cache = verifier.makeCache(capacity: positions)
        let batch = RowBatch(capacity: 128)
        var agreements = 0
        var divergence = 0.0
        var surprise = (ours: 0.0, theirs: 0.0)
        for start in Swift.stride(from: 0, to: positions - 1, by: 128) {
            batch.removeAll()
            batch.append(tokens[start..<min(start + 128, positions - 1)], to: cache, logits: .all)
            verifier.forward(batch)
            for row in 0..<batch.rowCount {
                let position = start + row
                let logits = verifier.logits(row)
                let greatest = verifier.kernels.table.pointee.argmax(logits, Int32(verifier.config.vocabulary))
                var weights = [Float](repeating: 0, count: verifier.config.vocabulary)
                var sums = [Float](repeating: 0, count: (weights.count + 255) / 256)
                let shift = logits[Int(greatest)]
                verifier.kernels.table.pointee.exponentials(logits, Int32(weights.count), shift, 1, &weights, &sums)
                let total = log(sums.reduce(0.0) { $0 + Double($1) }) + Double(shift)
                let law = { (token: Int) in Double(logits[token]) - total }

                let base = 8 + position * stride
                surprise.theirs -= float(base + 4)
                surprise.ours -= law(Int(tokens[position + 1]))
                if int(base + 8) == Int(greatest) { agreements += 1 }
                // The stored likeliest tokens one by one, all others as one: never more than the whole divergence.
                var mass = (p: 0.0, q: 0.0)
                for i in 0..<top {
                    let logP = float(base + 8 + top * 4 + i * 4)
                    let logQ = law(int(base + 8 + i * 4))
                    divergence += exp(logP) * (logP - logQ)
                    mass = (mass.p + exp(logP), mass.q + exp(logQ))
                }
                if mass.p < 1 - 1e-6 { divergence += (1 - mass.p) * log((1 - mass.p) / max(1 - mass.q, 1e-9)) }
            }
        }
        let count = Double(positions - 1)
        let perplexity = (ours: exp(surprise.ours / count), theirs: exp(surprise.theirs / count))
        print("top-1 \(Double(agreements) / count), KL \(divergence / count), perplexity \(perplexity)")
        #expect(Double(agreements) / count >= 0.99)
        #expect(divergence / count < 0.005)
        #expect(abs(perplexity.ours / perplexity.theirs - 1) < 0.01)
    }

    @Test("architectures give the logits of transformers", arguments: ["tiny-llama3", "tiny-linear", "tiny-qwen2", "tiny-qwen3"])
    func architecture(name: String) throws {
        let verifier = try Verifier(
            Checkpoint(path: Fixtures.path(name + ".gguf")), kernels: Kernels(), pool: WorkerPool(count: 2))
        let expected = try Fixtures.floats(name + ".logits")
        let batch = RowBatch(capacity: 48)
        batch.append((0..<48).map { Int32(($0 * 37 + 11) % 258) }, to: verifier.makeCache(), logits: .all)
        verifier.forward(batch)
        var error = 0.0
        var norm = 0.0
        for row in 0..<48 {
            for token in 0..<260 {
                let value = Double(expected[row * 260 + token])
                error += pow(Double(verifier.logits(row)[token]) - value, 2)
                norm += value * value
            }
        }
        // Weights are floats here; what differs is keys and values of 16 bits.
        #expect((error / norm).squareRoot() < 2e-3, "\(name): \((error / norm).squareRoot())")
    }
}
