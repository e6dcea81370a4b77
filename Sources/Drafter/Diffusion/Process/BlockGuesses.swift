/// What a pass says of the tokens of a block.
package protocol BlockGuesses {
    /// Probabilities [draft vocabulary] that the pass gives a token's clean state; the memory, one for each token, may
    /// be written to.
    func probabilities(of index: Int) -> UnsafeMutableBufferPointer<Float>
    /// The logarithm of the factor by which ratios at a token sum to more than they would if the probabilities were
    /// exact; of a score network.
    func logMass(of index: Int) -> Double
    /// The verifier's id of a draft token.
    func token(_ choice: Int) -> Int32
}
