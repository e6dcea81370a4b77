import SpeculateDrafter

/// What a drafter's file holds, loaded.
enum DrafterModel {
    case diffusion(BlockDiffusionModel)
    case eagle(EagleModel)

    var diffusion: BlockDiffusionModel? { if case .diffusion(let model) = self { model } else { nil } }
    var eagle: EagleModel? { if case .eagle(let model) = self { model } else { nil } }
    var kind: DrafterKind {
        switch self {
        case .diffusion: .diffusion
        case .eagle: .eagle
        }
    }
}
