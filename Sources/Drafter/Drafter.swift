/// Guesses the tokens that come next. A guess can be wrong without any harm but time: the verifier decides.
///
/// A drafter follows one sequence: `begin` with its prompt, then `commit` whatever was kept after each round.
package protocol Drafter: AnyObject {
    func begin(_ prompt: [Int32])
    func commit(_ tokens: ArraySlice<Int32>)
    /// Up to `maximum` tokens to follow what was committed. No tokens is a fine answer: nothing to propose.
    func propose(maximum: Int) -> Proposal
}
