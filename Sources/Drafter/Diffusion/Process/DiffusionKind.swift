/// How a drafter's training turned the tokens of a block into noise, by the name in its file.
public enum DiffusionKind: String, CaseIterable, Sendable {
    /// Tokens become MASK and stay it (MDLM, Sahoo et al. 2024).
    case absorbing
    /// Tokens become any other, all alike (D3PM, Austin et al. 2021).
    case uniform
    /// Tokens become others that the verifier embeds nearby (D3PM).
    case tokenDistance = "token-distance"
    /// As `absorbing`, with a network that says ratios of probabilities (SEDD, Lou et al. 2023).
    case scoreAbsorbing = "score-absorbing"
    /// As `uniform`, with such a network.
    case scoreUniform = "score-uniform"
    /// Embedded tokens become normal noise (Diffusion-LM, Li et al. 2022).
    case gaussian

    /// Whether a token is MASK until it is revealed, and then stays what it is.
    public var reveals: Bool { self == .absorbing || self == .scoreAbsorbing }
}
