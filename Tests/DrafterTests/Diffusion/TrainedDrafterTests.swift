import Foundation
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import TestSupport
import Testing

/// The committed drafter on the real verifier's texts, against PyTorch in 32-bit floats.
@Suite struct TrainedDrafterTests {
    private struct Text: Decodable {
        struct Case: Decodable {
            var anchor: Int
            var passes: Int
            var order: String
            var tokens: [Int32]
        }

        var tokens: [Int32]
        var cases: [Case]
    }

    @Test("first drafted tokens are PyTorch's nearly always, for every number of passes, in spite of 8-bit activations")
    func parity() throws {
        let checkpoint = try Checkpoint(path: Fixtures.drafterPath)
        let config = try DrafterConfig(checkpoint)
        let verifier = try Fixtures.verifier(taps: config.taps(verifierLayers: 30))
        let model = try BlockDiffusionModel(checkpoint, config, for: verifier.target)
        let batch = RowBatch(capacity: Verifier.maximumRows)
        var counts: [Int: (first: Int, all: Int, cases: Int)] = [:]
        for text in try JSONDecoder().decode([Text].self, from: Data(Fixtures.bytes("drafter.json"))) {
            let cache = try verifier.makeCache(capacity: text.tokens.count)
            let injected = try model.makeCache(capacity: text.tokens.count)
            batch.append(text.tokens, to: cache, logits: .none)
            let pass = verifier.forward(batch)
            batch.removeAll()
            model.inject(0..<text.tokens.count, of: pass, into: injected)
            // Last anchor first, so that the cache only needs to be truncated.
            for golden in text.cases.sorted(by: { $0.anchor > $1.anchor }) {
                injected.rollback(to: golden.anchor)
                let block = DraftBlock()
                block.reset(count: golden.tokens.count)
                model.denoise(
                    block, anchor: text.tokens[golden.anchor], cache: injected,
                    schedule: config.schedule(passes: golden.passes, count: golden.tokens.count),
                    order: try #require(RevealOrder(rawValue: golden.order)))
                counts[golden.passes, default: (0, 0, 0)].first += block.tokens[0] == golden.tokens[0] ? 1 : 0
                counts[golden.passes, default: (0, 0, 0)].all += zip(block.tokens, golden.tokens).count { $0 == $1 }
                counts[golden.passes, default: (0, 0, 0)].cases += 1
            }
        }
        #expect(counts.keys.sorted() == [1, 2, 4])
        for (passes, count) in counts {
            print("trained drafter, \(passes) passes: \(count.first) of \(count.cases) first tokens as in PyTorch")
            #expect(count.cases >= 50)
            #expect(Double(count.first) >= 0.93 * Double(count.cases), "\(passes) passes")
        }
    }
}
