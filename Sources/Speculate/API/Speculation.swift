/// What to draft in each round.
public enum Speculation: Hashable, Sendable, LosslessStringConvertible {
    /// Whatever promises the most tokens per second, measured while decoding: from the engine's drafter or from earlier
    /// text, as deep as it pays, or nothing.
    case adaptive
    /// Nothing: plain decoding.
    case none
    /// Up to `depth` tokens from earlier text (prompt lookup).
    case lookup(depth: Int)
    /// Up to `depth` tokens in a row from the engine's diffusion drafter, denoised in `passes` passes.
    case diffusion(depth: Int, passes: Int = 1)
    /// A tree of the likeliest `tokens` tokens from one pass of that drafter. Not for the rules `rejection` and
    /// `block`.
    case tree(tokens: Int)
    /// Up to `depth` tokens in a row from the engine's EAGLE drafter, each from the one before.
    case eagle(depth: Int)
    /// Up to `depth` tokens from the engine's custom drafter.
    case custom(depth: Int)

    /// As the command line names it: adaptive, none, lookup:8, diffusion:4, diffusion:4x2 (in two passes), tree:3, eagle:5, custom:4.
    public var description: String {
        switch self {
        case .adaptive: "adaptive"
        case .none: "none"
        case .lookup(let depth): "lookup:\(depth)"
        case .diffusion(let depth, let passes): "diffusion:\(depth)" + (passes == 1 ? "" : "x\(passes)")
        case .tree(let tokens): "tree:\(tokens)"
        case .eagle(let depth): "eagle:\(depth)"
        case .custom(let depth): "custom:\(depth)"
        }
    }

    /// Parses a `description`; nil for anything else.
    public init?(_ description: String) {
        let parts = description.split(separator: ":", omittingEmptySubsequences: false)
        let numbers =
            parts.count == 2 ? parts[1].split(separator: "x", omittingEmptySubsequences: false).map { Int($0) } : []
        switch (parts[0], numbers.count, numbers.first ?? nil, numbers.last ?? nil) {
        case ("adaptive", 0, _, _) where parts.count == 1: self = .adaptive
        case ("none", 0, _, _) where parts.count == 1: self = .none
        case ("lookup", 1, let depth?, _): self = .lookup(depth: depth)
        case ("diffusion", 1, let depth?, _): self = .diffusion(depth: depth)
        case ("diffusion", 2, let depth?, let passes?): self = .diffusion(depth: depth, passes: passes)
        case ("tree", 1, let tokens?, _): self = .tree(tokens: tokens)
        case ("eagle", 1, let depth?, _): self = .eagle(depth: depth)
        case ("custom", 1, let depth?, _): self = .custom(depth: depth)
        default: return nil
        }
    }

    /// Describes the first setting out of range; nil if all are valid.
    var problem: String? {
        func outside(_ name: String, _ value: Int, _ range: ClosedRange<Int>) -> String? {
            range.contains(value) ? nil : "\(name) is \(value), expected \(range.lowerBound) to \(range.upperBound)"
        }
        switch self {
        case .adaptive, .none: return nil
        case .lookup(let depth), .eagle(let depth), .custom(let depth):
            return outside("depth", depth, 1...Engine.maximumDepth)
        case .diffusion(let depth, let passes):
            return outside("depth", depth, 1...Engine.maximumDepth)
                ?? outside("passes", passes, 1...Engine.maximumPasses)
        case .tree(let tokens): return outside("tree", tokens, 1...Engine.maximumDepth)
        }
    }

    /// The most tokens of a draft.
    var tokens: Int {
        switch self {
        case .adaptive: 32
        case .none: 0
        case .lookup(let depth), .diffusion(let depth, _), .eagle(let depth), .custom(let depth): depth
        case .tree(let tokens): tokens
        }
    }
}
