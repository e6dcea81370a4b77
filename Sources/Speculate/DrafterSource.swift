/// Where drafts come from.
public enum DrafterSource: Equatable, Sendable {
    /// No drafts: plain decoding.
    case none
    /// What followed the same words earlier in the text.
    case promptLookup
    /// A block diffusion drafter, a GGUF file made for the verifier.
    case diffusion(path: String)
}
