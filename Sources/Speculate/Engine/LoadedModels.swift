import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// A verifier, what drafts for it, and how it is described.
struct LoadedModels {
    let verifier: Verifier
    let source: DrafterSource
    let drafters: DrafterFactory
    let description: ModelDescription

    /// - Throws: what is wrong with a file, with a setting, or that memory does not suffice.
    init(_ checkpoint: Checkpoint, _ source: DrafterSource, _ configuration: EngineConfiguration) throws {
        if DrafterKind(checkpoint.metadata) != nil {
            throw CheckpointError("this is a drafter, expected the model that it drafts for")
        }
        let layers = try ModelFamily.verifier(of: checkpoint.metadata).layers(checkpoint.metadata)
        var file: DrafterFile?
        var taps = configuration.recordedLayers
        switch source {
        case .file(let path):
            let drafter = try DrafterFile(path: path)
            taps = try drafter.taps(verifierLayers: layers) + taps
            file = drafter
        case .custom(let custom): taps = custom.taps + taps
        case .automatic, .none, .lookup: break
        }
        try Self.check(configuration.recordedLayers, source, verifierLayers: layers)
        if case .custom(let custom) = source, let wrong = custom.taps.first(where: { !(0..<layers).contains($0) }) {
            throw EngineError(
                .invalidRequest, "the drafter '\(custom.name)' taps layer \(wrong), expected 0 to \(layers - 1)")
        }
        let pool = WorkerPool(count: configuration.threads ?? Processor.physicalCores)
        verifier = try Verifier(
            checkpoint, taps: taps, cacheFormat: configuration.cacheFormat,
            contextLength: configuration.contextLength, kernels: try Kernels(), pool: pool,
            progress: configuration.onLoading)
        self.source = source
        let (vocabulary, fingerprint) = (verifier.config.vocabulary, verifier.tokenizer.fingerprint)
        let memories = try TextMemories(
            vocabulary: vocabulary, limit: configuration.textMemory,
            file: configuration.textMemoryFile.map { path in
                TextMemoryFile(path: path, fingerprint: fingerprint, vocabulary: vocabulary)
            }, use: configuration.textMemoryUse)
        drafters = try DrafterFactory(
            source, model: try file?.load(for: verifier.target), verifier: verifier, memories: memories)
        if let makeLearner = configuration.learner {
            guard case .file(let path) = source, let model = drafters.model?.diffusion else {
                let kind = drafters.model?.eagle == nil ? "" : " of the kind EAGLE"
                throw EngineError(
                    .invalidRequest,
                    "the drafter is \(source)\(kind), expected a block diffusion drafter's file: only that learns from what is asked"
                )
            }
            drafters.learner = try makeLearner(verifier, model, path, checkpoint.path)
        }
        description = try ModelDescription(checkpoint, verifier, configuration)
    }

    /// - Throws: `EngineError` when what is to be recorded is not there.
    private static func check(
        _ recorded: [Int], _ drafter: DrafterSource, verifierLayers layers: Int
    ) throws(EngineError) {
        guard !recorded.isEmpty else { return }
        if let wrong = recorded.first(where: { !(0..<layers).contains($0) }) {
            throw EngineError(
                .invalidRequest,
                "hidden states are to enter layer \(wrong + 1), expected 1 to \(layers), the last one's output")
        }
        guard drafter == .none else {
            throw EngineError(
                .invalidRequest, "hidden states are recorded while the drafter is \(drafter), expected none")
        }
    }
}
