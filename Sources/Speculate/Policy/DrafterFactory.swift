import Logging
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// Makes the drafters of an engine's completions.
final class DrafterFactory {
    private(set) var model: DrafterModel?
    let costs: CostTable
    private let custom: CustomDrafter?
    private let textExperience = TextExperience()
    let memories: TextMemories
    private let diffusionExperience: DiffusionExperience
    private let eagleExperience = EagleExperience(drafts: EagleConfig.drafts)
    private let customExperience = CustomExperience()
    /// Nil where the model stays as it is.
    var learner: (any IdleLearner)?

    init(
        _ source: DrafterSource, model: DrafterModel?, verifier: Verifier, memories: TextMemories
    ) throws(OutOfMemory) {
        self.model = model
        self.memories = memories
        custom = source.custom
        costs = try CostTable(verifier: verifier, model: model?.diffusion)
        diffusionExperience = DiffusionExperience(drafts: model?.diffusion?.config.drafts ?? 0)
    }

    /// A drafter for a sequence of up to `capacity` tokens, of a kind that the engine has; nil where nothing is drafted.
    /// - Parameter isCrowded: whether many other completions share the passes. Then the adaptive choice leaves the
    ///   file's drafter out: keeping it informed costs more than it brings.
    func makeDrafter(
        _ settings: GenerationSettings, capacity: Int, isCrowded: Bool
    ) throws(OutOfMemory) -> (any Drafter)? {
        let (rule, options) = (settings.rule, settings.options)
        func text() -> TextDrafter {
            let memory = memories.memory(of: settings.scope)
            return TextDrafter(
                odds: textExperience.odds, memory: memory, common: memories.common === memory ? nil : memories.common)
        }
        func diffusion(passes: Int = 1, growth: TreeGrowth? = nil) throws(OutOfMemory) -> BlockDiffusionDrafter? {
            guard let model = model?.diffusion else { return nil }
            return try BlockDiffusionDrafter(
                model, passes: passes, growth: growth, sampling: rule.drafts(options), capacity: capacity)
        }
        func eagle() throws(OutOfMemory) -> EagleDrafter? {
            guard let model = model?.eagle else { return nil }
            return try EagleDrafter(model, sampling: rule.drafts(options), capacity: capacity)
        }
        let context = DraftContext(capacity: capacity, needsDistributions: !rule.takesTrees, sampling: options)
        switch settings.speculation {
        case .none: return nil
        case .lookup: return text()
        case .diffusion(_, let passes): return try diffusion(passes: passes)
        case .tree(let tokens): return try diffusion(growth: TreeGrowth(tokens: tokens, width: tokens, depth: tokens))
        case .eagle: return try eagle()
        case .custom: return custom?.make(context)
        case .adaptive:
            var candidates: [any DraftCandidate] = [
                TextCandidate(text(), trees: rule.takesTrees, costs: costs, experience: textExperience)
            ]
            if !isCrowded, let diffusion = try diffusion() {
                candidates.append(
                    DiffusionCandidate(
                        diffusion, trees: rule.takesTrees, costs: costs, experience: diffusionExperience))
            }
            if !isCrowded, let eagle = try eagle() {
                candidates.append(EagleCandidate(eagle, costs: costs, experience: eagleExperience))
            }
            if let custom {
                candidates.append(CustomCandidate(custom.make(context), costs: costs, experience: customExperience))
            }
            return AdaptiveDrafter(candidates, costs: costs)
        }
    }

    /// Keeps the text of a completion for drafts of others in its scope.
    func remember(_ tokens: [Int32], of settings: GenerationSettings) {
        guard settings.speculation != .none else { return }
        memories.remember(tokens, in: settings.scope)
        // Who salts wants nothing shared.
        if settings.scope.salt == nil { learner?.remember(tokens, answer: settings.prompt.count) }
    }

    /// A step of what improves the model. When that fails it is over; completions are drafted for as before.
    /// - Returns: whether there is more to do.
    func learn(_ logger: Logger) -> Bool {
        guard let learner else { return false }
        do {
            switch try learner.work() {
            case .nothing: return false
            case .more: return true
            case .better(let better):
                model = .diffusion(better)
                return true
            }
        } catch {
            self.learner = nil
            logger.error("the drafter learns no more: \(error)")
            return false
        }
    }
}
