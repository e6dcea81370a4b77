import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// Makes the drafters of an engine's completions.
final class DrafterFactory {
    private let source: DrafterSource
    let model: BlockDiffusionModel?
    let costs: CostTable
    private let experience: Experience

    init(
        _ source: DrafterSource, model: BlockDiffusionModel?, verifier: Verifier
    ) throws(OutOfMemory) {
        self.source = source
        self.model = model
        costs = try CostTable(verifier: verifier, model: model)
        experience = Experience(drafts: model?.config.drafts ?? 0)
    }

    private var custom: CustomDrafter? {
        if case .custom(let custom) = source { custom } else { nil }
    }

    /// Whether a drafter has to see every row of its sequence, and keeps nothing that others could resume from.
    var readsAllRows: Bool { custom.map { !$0.taps.isEmpty } ?? false }

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
        case .custom:
            guard custom != nil else {
                throw EngineError(
                    .invalidRequest, "speculation is \(speculation), expected an engine with a custom drafter")
            }
            return true
        }
    }

    /// A drafter for a sequence of up to `capacity` tokens, of a kind that the engine has; nil where nothing is drafted.
    /// - Parameter isCrowded: whether many other completions share the passes. Then the adaptive choice leaves diffusion
    ///   out: keeping it informed costs more than it brings.
    func makeDrafter(
        _ speculation: Speculation, _ rule: AcceptanceRule, _ options: SamplingOptions, capacity: Int, isCrowded: Bool
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
        case .custom: return custom?.make(capacity)
        case .adaptive:
            costs.isWanted = true
            var candidates: [any DraftCandidate] = []
            if !isCrowded, let diffusion = try diffusion() {
                candidates.append(
                    DiffusionCandidate(diffusion, trees: rule.takesTrees, costs: costs, experience: experience))
            }
            if let custom {
                candidates.append(CustomCandidate(custom.make(capacity), costs: costs, experience: experience))
            }
            return AdaptiveDrafter(candidates, costs: costs, experience: experience)
        }
    }
}
