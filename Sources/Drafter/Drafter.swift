import SpeculateVerifier

/// Guesses the tokens that come next. A guess can be wrong without any harm but time: the verifier decides.
///
/// A drafter follows one sequence: `begin` with its prompt, then after each pass of the verifier `observe` the rows that
/// are kept, and after each round `commit` the tokens that it brought and `learn` how the draft fared.
package protocol Drafter: AnyObject {
    func begin(_ prompt: [Int32])
    /// What it keeps of the verifier's hidden states, one cell a token of the sequence; nil where it needs none.
    var cache: KVCache? { get }
    /// Continues with what another drafter of its kind, whose text began alike, kept of the first `count` tokens.
    func adopt(_ count: Int, of other: KVCache)
    /// Row `row` of the verifier's last pass is the next token of the sequence; its hidden states are there now.
    func observe(_ verifier: Verifier, row: Int)
    func commit(_ tokens: ArraySlice<Int32>)
    /// Up to `maximum` tokens to follow what was committed. No tokens is a fine answer: nothing to propose.
    func propose(maximum: Int, into proposal: inout Proposal)
    /// Of the last proposal, the tokens at the places `accepted` were kept. `times` are known of a round that had its
    /// passes for itself.
    func learn(_ proposal: Proposal, accepted: [Int], times: RoundTimes?)
}

extension Drafter {
    package var cache: KVCache? { nil }
    package func adopt(_ count: Int, of other: KVCache) {}
    package func observe(_ verifier: Verifier, row: Int) {}
    package func learn(_ proposal: Proposal, accepted: [Int], times: RoundTimes?) {}
}
