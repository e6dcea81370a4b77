import Foundation
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import TestSupport

/// A drafter with random weights for `tiny-qwen3.gguf`, and the drafts that PyTorch computes with it.
struct TinyDrafter {
    struct Golden: Decodable {
        struct Case: Decodable {
            var anchor: Int
            var passes: Int
            var order: String
            var tokens: [Int32]
            var revealed: [Bool]
            var confidences: [Float]
            var logits: [Float]
        }

        var tokens: [Int32]
        /// [tokens, taps, hidden]
        var states: [Float]
        var cases: [Case]
    }

    let golden: Golden
    let verifier: Verifier
    let model: BlockDiffusionModel
    var width: Int { model.config.targetLayers.count * model.config.transformer.hidden }

    init(threads: Int = 2, kernels: Kernels? = nil) throws {
        golden = try JSONDecoder().decode(Golden.self, from: Data(Fixtures.bytes("tiny-drafter.json")))
        let checkpoint = try Checkpoint(path: Fixtures.path("tiny-drafter.gguf"))
        let config = try DrafterConfig(checkpoint)
        let file = try Checkpoint(path: Fixtures.path("tiny-qwen3.gguf"))
        verifier = try Verifier(
            file, taps: config.taps(verifierLayers: config.targetLayers.max()! + 1), kernels: kernels ?? Kernels(),
            pool: WorkerPool(count: threads))
        model = try BlockDiffusionModel(checkpoint, config, for: verifier.target)
    }

    /// A cache with the hidden states of the first `count` tokens, injected `piece` at a time.
    func cache(holding count: Int, piece: Int = 100) -> KVCache {
        let cache = try! model.makeCache(capacity: golden.tokens.count + 8)
        golden.states.withUnsafeBufferPointer { states in
            for start in stride(from: 0, to: count, by: piece) {
                model.inject(states.baseAddress! + start * width, count: min(piece, count - start), into: cache)
            }
        }
        return cache
    }

    func logits(_ count: Int) -> [[Float]] {
        (0..<count).map { Array(UnsafeBufferPointer(start: model.logits(at: $0), count: model.draftVocabulary)) }
    }
}
