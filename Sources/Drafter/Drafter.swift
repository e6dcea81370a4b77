import SpeculateShared

/// Guesses the tokens that come next. A wrong guess costs nothing but time: the verifier decides.
///
/// A drafter follows one sequence: `begin` with its prompt, then after each pass of the verifier `observe` the rows that are
/// kept, and after each round `commit` the tokens that it brought and `learn` how the draft fared. All calls come from one
/// thread at a time.
public protocol Drafter: AnyObject {
    func begin(_ prompt: [Int32])
    /// Row `row` of a pass is the next token of the sequence; the pass's results are there until this returns. Where the row
    /// has logits, `pass.logitRows` lists it.
    func observe(_ pass: PassResult, row: Int)
    /// All rows of a round, before it is known here which are kept: the last committed token and those drafted.
    /// - Parameters:
    ///   - tokens: the rows'.
    ///   - parents: the row before each, −1 for the first.
    ///   - firstLogits: where the first of them stands in `pass.logitRows`; the others follow.
    func observe(_ pass: PassResult, rows tokens: [Int32], parents: [Int], firstLogits: Int)
    func commit(_ tokens: ArraySlice<Int32>)
    /// Appends up to `maximum` tokens to follow what was committed, at least 1. None is a fine answer: nothing to propose.
    /// - Parameters:
    ///   - load: what else the verifying pass will hold.
    ///   - proposal: empty.
    func propose(maximum: Int, beside load: PassLoad, into proposal: inout Proposal)
    /// The tokens at the places `accepted` of the last proposal were kept.
    /// - Parameter times: of a round that had its passes to itself.
    func learn(_ proposal: Proposal, accepted: [Int], times: RoundTimes?)
}

extension Drafter {
    public func observe(_ pass: PassResult, row: Int) {}
    public func observe(_ pass: PassResult, rows tokens: [Int32], parents: [Int], firstLogits: Int) {}
    public func learn(_ proposal: Proposal, accepted: [Int], times: RoundTimes?) {}
}
