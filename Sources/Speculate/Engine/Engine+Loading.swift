import Logging
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

extension Engine {
    /// Loads a verifier, and a drafter for it.
    /// - Parameters:
    ///   - path: the verifier, a GGUF file.
    ///   - drafter: what to draft with; by default the drafter's file beside the verifier's if there is one.
    ///   - configuration: for all requests.
    /// - Throws: `EngineError` naming the file and what is wrong with it, or the setting out of range.
    public static func load(
        verifier path: String, drafter: DrafterSource = .automatic,
        configuration: EngineConfiguration = EngineConfiguration()
    ) async throws(EngineError) -> Engine {
        try await Loader().load(path, drafter.resolved(for: path), configuration)
    }

    /// Loads on the engine's own thread, before there is an engine.
    private actor Loader {
        let thread = SerialThread()
        nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

        func load(
            _ path: String, _ drafter: DrafterSource, _ configuration: EngineConfiguration
        ) throws(EngineError) -> Engine {
            let start = ContinuousClock.now
            do {
                if let problem = configuration.problem() { throw EngineError(.invalidRequest, problem) }
                let loaded = try LoadedModels(Checkpoint(path: path), drafter, configuration)
                configuration.logger.debug(
                    "loaded",
                    metadata: [
                        "verifier": "\(path)", "seconds": "\((ContinuousClock.now - start) / .seconds(1))",
                        "kernels": "\(loaded.verifier.kernels.name)", "threads": "\(loaded.verifier.pool.count)",
                    ])
                return Engine(loaded, configuration, thread)
            } catch {
                thread.stop()
                throw EngineError(error, path: path)
            }
        }
    }
}
