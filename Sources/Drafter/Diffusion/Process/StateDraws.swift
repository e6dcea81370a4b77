/// The random numbers that move a block's states: each is a function of what it is for.
package protocol StateDraws {
    /// An index drawn in proportion to `weights`, for a token's step after a pass.
    func choose(_ weights: UnsafeBufferPointer<Float>, token: Int, pass: Int) -> Int
    /// One of `count` numbers, for a token's state before the first pass.
    func begin(among count: Int, token: Int) -> Int
    /// Whether something of a probability happens to a token after a pass.
    func happens(_ probability: Double, token: Int, pass: Int) -> Bool
    /// Standard normal; `pass` is −1 for the state before the first.
    func normal(token: Int, pass: Int, dimension: Int) -> Float
}
