import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import TestSupport

/// A matching verifier and drafter with random weights.
struct TinyPair {
    let verifier: Verifier
    let model: BlockDiffusionModel

    init() throws {
        let checkpoint = try Checkpoint(path: Fixtures.path("tiny-drafter.gguf"))
        let config = try DrafterConfig(checkpoint)
        verifier = try Verifier(
            Checkpoint(path: Fixtures.path("tiny-qwen3.gguf")),
            taps: config.taps(verifierLayers: config.targetLayers.max()! + 1), kernels: Kernels(),
            pool: WorkerPool(count: 1))
        model = try BlockDiffusionModel(checkpoint, config, for: verifier.target)
    }
}
