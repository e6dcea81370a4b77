import SpeculateDrafter
import SpeculateShared

/// A block diffusion drafter's file, read as far as is needed before its verifier is loaded.
struct DrafterFile {
    private let checkpoint: Checkpoint
    private let config: DrafterConfig

    /// - Throws: `EngineError` naming the file and what is wrong with it.
    init(path: String) throws(EngineError) {
        do {
            checkpoint = try Checkpoint(path: path)
            config = try DrafterConfig(checkpoint)
        } catch {
            let error = EngineError(error, path: path)
            throw EngineError(error.code, "the drafter \(error.message)")
        }
    }

    /// Layers of the verifier whose hidden states the drafter reads.
    func taps(verifierLayers: Int) throws(EngineError) -> [Int] {
        do throws(CheckpointError) {
            return try config.taps(verifierLayers: verifierLayers)
        } catch {
            throw EngineError(error, path: checkpoint.path)
        }
    }

    /// - Throws: `EngineError` saying why the drafter does not fit the verifier, or what is wrong in the file.
    func load(for target: TargetModel) throws(EngineError) -> BlockDiffusionModel {
        do {
            return try BlockDiffusionModel(checkpoint, config, for: target)
        } catch let error as OutOfMemory {
            throw EngineError(.overloaded, "\(checkpoint.path), beside its verifier: \(error)")
        } catch {
            throw EngineError(error, path: checkpoint.path)
        }
    }
}
