/// How far a draft tree grows, likeliest token first.
package struct TreeGrowth {
    /// The most tokens of the tree.
    package var tokens: Int
    /// The most children of one token.
    package var width: Int
    /// The greatest depth.
    package var depth: Int
    /// The factor, per depth, that corrects a token's probability to what was observed.
    package var calibration: [Float] = []
    /// The lowest probability, of a token and all before it, for which the tree's token number `index` is worth
    /// verifying.
    package var threshold: (_ index: Int) -> Float = { _ in 0 }

    package init(tokens: Int, width: Int, depth: Int) {
        self.tokens = tokens
        self.width = width
        self.depth = depth
    }
}
