import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import TestSupport
@testable import Speculate

/// A matching verifier and drafter with random weights.
struct TinyPair {
    let verifier: Verifier
    let model: DrafterModel

    /// - Parameter name: the drafter's fixture; all but the first are of published kinds.
    init(_ name: String = "tiny-drafter") throws {
        let drafter = try DrafterFile(path: Fixtures.path("\(name).gguf"))
        let isOwn = name == "tiny-drafter" || DiffusionKind(rawValue: String(name.dropFirst(5))) != nil
        let target = isOwn ? "tiny-qwen3" : try Fixtures.target(of: name)
        let file = try Checkpoint(path: Fixtures.path("\(target).gguf"))
        let layers = try file.metadata.integer(
            "\(try file.metadata.string("general.architecture")).block_count", in: 1...99)
        verifier = try Verifier(
            file, taps: drafter.taps(verifierLayers: layers), kernels: Kernels(), pool: WorkerPool(count: 1))
        model = try drafter.load(for: verifier.target)
    }

    /// - Parameter passes: of a block's denoising.
    func drafter(passes: Int = 1, sampling: DraftSampling = .greedy, capacity: Int) throws -> any Drafter {
        switch model {
        case .diffusion(let model):
            try BlockDiffusionDrafter(model, passes: passes, sampling: sampling, capacity: capacity)
        case .eagle(let model): try EagleDrafter(model, sampling: sampling, capacity: capacity)
        }
    }
}
