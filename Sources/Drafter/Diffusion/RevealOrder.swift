/// The order in which a block's tokens are revealed when it is denoised in several passes.
public enum RevealOrder: String, Sendable, CaseIterable {
    case leftToRight = "left"
    case confidence
    case random
}
