import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// Makes the drafters of an engine's completions.
final class Drafting {
    private let source: DrafterSource
    let passes: Int
    private let checkpoint: Checkpoint?
    private let config: DrafterConfig?
    private(set) var model: BlockDiffusionModel?

    /// - Throws: `EngineError` naming the drafter's file and what is wrong with it.
    init(_ source: DrafterSource, _ configuration: EngineConfiguration) throws(EngineError) {
        self.source = source
        passes = configuration.passes
        guard case .diffusion(let path) = source else {
            (checkpoint, config) = (nil, nil)
            return
        }
        do {
            let checkpoint = try Checkpoint(path: path)
            config = try DrafterConfig(checkpoint.metadata)
            self.checkpoint = checkpoint
        } catch {
            throw EngineError(error, path: path)
        }
    }

    /// Layers of the verifier that the drafter listens to.
    func taps(of verifier: Checkpoint) throws(EngineError) -> [Int] {
        guard let checkpoint, let config else { return [] }
        do throws(CheckpointError) {
            let name = try verifier.metadata.string("general.architecture")
            return try config.taps(
                verifierLayers: try verifier.metadata.integer("\(name).block_count", in: 1...1024))
        } catch {
            throw EngineError(error, path: checkpoint.path)
        }
    }

    func load(for verifier: Verifier) throws(EngineError) {
        guard let checkpoint, let config else { return }
        do throws(CheckpointError) {
            model = try BlockDiffusionModel(checkpoint, config, for: verifier)
        } catch {
            throw EngineError(error, path: checkpoint.path)
        }
    }

    /// A drafter for a sequence of up to `capacity` tokens.
    func makeDrafter(capacity: Int, sampling: DraftSampling) -> (any Drafter)? {
        switch source {
        case .none: nil
        case .promptLookup: PromptLookupDrafter()
        case .diffusion: model.map { BlockDiffusionDrafter($0, passes: passes, sampling: sampling, capacity: capacity) }
        }
    }
}
