/// A block being denoised: the tokens after the anchor, some of them already revealed. Reused from round to round.
package final class DraftBlock {
    /// Tokens after the anchor; those not revealed are the last pass's guesses.
    package internal(set) var tokens: [Int32] = []
    /// Fixed before the last pass, which kept them: point masses.
    package internal(set) var isRevealed: [Bool] = []
    /// Each token's expected acceptance given that all before it are accepted, 0 to 1; 1 if the file has no confidence
    /// head.
    package internal(set) var confidences: [Float] = []

    /// The tokens' states between passes: indices of draft tokens, or points [count, width], where the process has
    /// such.
    package internal(set) var states: [Int32] = []
    package internal(set) var points: [Float] = []

    package init() {}

    package var count: Int { tokens.count }

    /// Resets the block to `count` masked tokens.
    package func reset(count: Int) {
        tokens.removeAll(keepingCapacity: true)
        isRevealed.removeAll(keepingCapacity: true)
        confidences.removeAll(keepingCapacity: true)
        states.removeAll(keepingCapacity: true)
        points.removeAll(keepingCapacity: true)
        for _ in 0..<count {
            tokens.append(0)
            isRevealed.append(false)
            confidences.append(1)
        }
    }

    /// Fixes a token of the text, to infill around it.
    package func fix(_ token: Int32, at index: Int) {
        tokens[index] = token
        isRevealed[index] = true
    }
}
