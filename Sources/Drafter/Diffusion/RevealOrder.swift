/// Which tokens of a block are fixed first when it is denoised in several passes.
package enum RevealOrder: String, Sendable, CaseIterable {
    case leftToRight = "left"
    case confidence
    case random
}
