import SpeculateVerifier

/// Guesses the tokens that come next. A guess can be wrong without any harm but time: the verifier decides.
///
/// A drafter follows one sequence: `begin` with its prompt, then after each pass of the verifier `observe` the rows that
/// are kept, and after each round `commit` the tokens that it brought.
package protocol Drafter: AnyObject {
    func begin(_ prompt: [Int32])
    /// Rows `rows` of the verifier's last pass are the next tokens of the sequence; their hidden states are there now.
    func observe(_ verifier: Verifier, rows: Range<Int>)
    func commit(_ tokens: ArraySlice<Int32>)
    /// Up to `maximum` tokens to follow what was committed. No tokens is a fine answer: nothing to propose.
    func propose(maximum: Int, into proposal: inout Proposal)
}
