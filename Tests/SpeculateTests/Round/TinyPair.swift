import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import TestSupport

/// A matching verifier and drafter with random weights.
struct TinyPair {
    let verifier: Verifier
    let model: BlockDiffusionModel

    /// - Parameter name: the drafter's fixture; all but the first are for `tiny-target.gguf`.
    init(_ name: String = "tiny-drafter") throws {
        let checkpoint = try Checkpoint(path: Fixtures.path("\(name).gguf"))
        let config = try DrafterConfig(checkpoint)
        let file = try Checkpoint(
            path: Fixtures.path(name == "tiny-drafter" ? "tiny-qwen3.gguf" : "tiny-target.gguf"))
        let layers = try file.metadata.integer(
            "\(try file.metadata.string("general.architecture")).block_count", in: 1...99)
        verifier = try Verifier(
            file, taps: config.taps(verifierLayers: layers), kernels: Kernels(), pool: WorkerPool(count: 1))
        model = try BlockDiffusionModel(checkpoint, config, for: verifier.target)
    }
}
