/// The step that moves a block's states from one pass's time to the next one's.
public enum DiffusionSampler: String, Sendable, CaseIterable {
    /// The process's own: posteriors (D3PM), Tweedie's formula where a network says ratios (SEDD), DDPM's for vectors.
    /// Masks are each revealed by themselves, with the chance that noise took them in between (MDLM).
    case ancestral
    /// The rates as they are at the pass's time, throughout (SEDD, Lou et al. 2023, section 4); for masks under the
    /// linear schedule the same as Tweedie's formula.
    case euler
    /// The state's own noise at its new size, and none anew (Song et al. 2021).
    case ddim
    /// DDPM's, to the embedding that is nearest to the guess (Diffusion-LM, Li et al. 2022, section 4.3).
    case clamped
}

extension DiffusionKind {
    /// The samplers that can be asked for.
    public var samplers: [DiffusionSampler] {
        switch self {
        case .absorbing, .uniform, .tokenDistance: [.ancestral]
        case .scoreAbsorbing, .scoreUniform: [.ancestral, .euler]
        case .gaussian: [.ancestral, .ddim, .clamped]
        }
    }

    /// At which a text by this process alone is written unless another is asked for. Without an order of certainty the
    /// likeliest tokens, each taken without the others, repeat each other.
    /// - Parameter sampler: the one that was asked for; nil if none was.
    public func temperature(by sampler: DiffusionSampler?) -> Float { self == .absorbing && sampler == nil ? 0 : 0.8 }
}
