/// One block being denoised: tokens that follow the anchor, of which some are revealed already. Reused from round to
/// round.
package final class DraftBlock {
    /// Tokens after the anchor; those that are not revealed are the last pass's guesses.
    package internal(set) var tokens: [Int32] = []
    /// Fixed before the last pass, which carried them over: point masses.
    package internal(set) var isRevealed: [Bool] = []
    /// Expected acceptance of each token if all before it are accepted, 0 to 1; 1 where the file has no such head.
    package internal(set) var confidences: [Float] = []

    package init() {}

    package var count: Int { tokens.count }

    /// A block of `count` masked tokens.
    package func reset(count: Int) {
        tokens.removeAll(keepingCapacity: true)
        isRevealed.removeAll(keepingCapacity: true)
        confidences.removeAll(keepingCapacity: true)
        for _ in 0..<count {
            tokens.append(0)
            isRevealed.append(false)
            confidences.append(1)
        }
    }

    /// Fixes a token of the text itself, for infilling around it.
    package func fix(_ token: Int32, at index: Int) {
        tokens[index] = token
        isRevealed[index] = true
    }
}
