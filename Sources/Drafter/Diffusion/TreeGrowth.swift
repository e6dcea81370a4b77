/// How far a draft tree grows, best token first.
package struct TreeGrowth {
    /// The most tokens of the tree.
    package var tokens: Int
    /// The most tokens that follow one and the same.
    package var width: Int
    /// The most tokens in a row.
    package var depth: Int
    /// What the probability of a token at each depth is multiplied with, to make it what experience says.
    package var calibration: [Float] = []
    /// The least probability, of a token and all before it, that makes the token number i of the tree worth its pass.
    package var threshold: (_ index: Int) -> Float = { _ in 0 }

    package init(tokens: Int, width: Int, depth: Int) {
        self.tokens = tokens
        self.width = width
        self.depth = depth
    }
}
