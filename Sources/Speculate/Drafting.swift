import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// Makes the drafters of an engine's completions.
final class Drafting {
    private let source: DrafterSource
    private let checkpoint: Checkpoint?
    private let config: DrafterConfig?
    private(set) var model: BlockDiffusionModel?
    private var measured: CostTable?
    private lazy var experience = Experience(drafts: model?.config.drafts ?? 0)

    /// - Throws: `EngineError` naming the drafter's file and what is wrong with it.
    init(_ source: DrafterSource) throws(EngineError) {
        self.source = source
        guard case .diffusion(let path) = source else {
            (checkpoint, config) = (nil, nil)
            return
        }
        do {
            let checkpoint = try Checkpoint(path: path)
            config = try DrafterConfig(checkpoint.metadata)
            self.checkpoint = checkpoint
        } catch {
            let error = EngineError(error, path: path)
            throw EngineError(error.code, "the drafter \(error.message)")
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
        do {
            model = try BlockDiffusionModel(checkpoint, config, for: verifier)
        } catch let error as OutOfMemory {
            throw EngineError(.overloaded, "\(checkpoint.path), beside its verifier: \(error)")
        } catch {
            throw EngineError(error, path: checkpoint.path)
        }
    }

    /// Whether anything can be drafted.
    /// - Throws: `EngineError` when the engine has no drafter of the kind asked for.
    func drafts(_ speculation: Speculation, _ rule: AcceptanceRule) throws(EngineError) -> Bool {
        switch speculation {
        case .none: return false
        case .adaptive: return source != .none
        case .lookup: return true
        case .tree where !rule.takesTrees:
            throw EngineError(
                .invalidRequest, "acceptance is \(rule.rawValue), expected match or coupled for trees")
        case .diffusion, .tree:
            guard model != nil else {
                throw EngineError(
                    .invalidRequest, "speculation is \(speculation), expected an engine with a diffusion drafter")
            }
            return true
        }
    }

    /// A drafter for a sequence of up to `capacity` tokens, of a kind that the engine has; nil when nothing is to be
    /// drafted.
    /// - Parameter isCrowded: whether many other completions share the passes. Then choosing freely leaves diffusion out:
    ///   what it costs to keep it informed is more than it brings.
    func makeDrafter(
        _ speculation: Speculation, _ rule: AcceptanceRule, _ options: SamplingOptions, verifier: Verifier,
        capacity: Int, isCrowded: Bool
    ) throws(OutOfMemory) -> (any Drafter)? {
        func diffusion(passes: Int = 1, growth: TreeGrowth? = nil) throws(OutOfMemory) -> BlockDiffusionDrafter? {
            guard let model else { return nil }
            return try BlockDiffusionDrafter(
                model, passes: passes, growth: growth, sampling: rule.drafts(options), capacity: capacity)
        }
        switch speculation {
        case .none: return nil
        case .lookup: return PromptLookupDrafter()
        case .diffusion(_, let passes): return try diffusion(passes: passes)
        case .tree(let tokens): return try diffusion(growth: TreeGrowth(tokens: tokens, width: tokens, depth: tokens))
        case .adaptive:
            return AdaptiveDrafter(
                isCrowded ? nil : try diffusion(), trees: rule.takesTrees, costs: try costs(verifier),
                experience: experience)
        }
    }

    /// What passes take here.
    func costs(_ verifier: Verifier, patience: Double = CostTable.patience) throws(OutOfMemory) -> CostTable {
        if let measured { return measured }
        let costs = try CostTable(verifier: verifier, model: model, patience: patience)
        measured = costs
        return costs
    }

    /// Measures what passes take once some completion wants to draft; returns how long that took.
    func measure() -> Duration {
        guard let measured, !measured.isMeasured else { return .zero }
        let start = ContinuousClock.now
        _ = measured.current
        return ContinuousClock.now - start
    }

    /// What else the next pass holds, for those who choose how deep to draft.
    var beside = CostTable.Load() {
        didSet { measured?.beside = beside }
    }

    /// A pass over so many rows took so long.
    func observe(_ times: RoundTimes, rows: Int) { measured?.observe(verify: times.verify, rows: rows) }

    /// A completion is over: the next ones begin with what it learnt.
    func finish(_ drafter: (any Drafter)?) {
        if let adaptive = drafter as? AdaptiveDrafter { experience = adaptive.experience }
    }
}
