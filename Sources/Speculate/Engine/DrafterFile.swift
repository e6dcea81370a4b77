import SpeculateDrafter
import SpeculateShared

/// A drafter's file, read as far as is needed before its verifier is loaded.
struct DrafterFile {
    private enum Config {
        case diffusion(DrafterConfig)
        case eagle(EagleConfig)
    }

    private let checkpoint: Checkpoint
    private let config: Config

    /// - Throws: `EngineError` naming the file and what is wrong with it.
    init(path: String) throws(EngineError) {
        do {
            checkpoint = try Checkpoint(path: path)
            switch DrafterKind(checkpoint.metadata) {
            case .diffusion: config = .diffusion(try DrafterConfig(checkpoint))
            case .eagle: config = .eagle(try EagleConfig(checkpoint))
            case nil:
                let kinds = DrafterKind.allCases.map { "'\($0.rawValue)'" }.joined(separator: " or ")
                throw CheckpointError.invalid(
                    key: "general.architecture",
                    value: excerpt(try checkpoint.metadata.string("general.architecture")),
                    expected: "\(kinds), a drafter")
            }
        } catch {
            let error = EngineError(error, path: path)
            throw EngineError(error.code, "the drafter \(error.message)")
        }
    }

    /// Layers of the verifier whose hidden states the drafter reads.
    func taps(verifierLayers: Int) throws(EngineError) -> [Int] {
        do throws(CheckpointError) {
            switch config {
            case .diffusion(let config): return try config.taps(verifierLayers: verifierLayers)
            case .eagle(let config): return try config.taps(verifierLayers: verifierLayers)
            }
        } catch {
            throw EngineError(error, path: checkpoint.path)
        }
    }

    /// - Throws: `EngineError` saying why the drafter does not fit the verifier, or what is wrong in the file.
    func load(for target: TargetModel) throws(EngineError) -> DrafterModel {
        do {
            switch config {
            case .diffusion(let config):
                return .diffusion(try BlockDiffusionModel(checkpoint, config, for: target))
            case .eagle(let config): return .eagle(try EagleModel(checkpoint, config, for: target))
            }
        } catch let error as OutOfMemory {
            throw EngineError(.overloaded, "\(checkpoint.path), beside its verifier: \(error)")
        } catch {
            throw EngineError(error, path: checkpoint.path)
        }
    }
}
