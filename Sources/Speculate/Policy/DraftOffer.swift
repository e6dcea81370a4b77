/// What a candidate promises for a round.
struct DraftOffer {
    /// Tokens per second, of all sequences in the pass.
    var rate: Double
    /// Tokens in a row that it drafts at most.
    var depth: Int
    /// Passes of the drafter.
    var passes = 1
    /// Whether to try it although nothing promises to pay: worth is learnt by trying.
    var isTrial = false
    /// Whether its draft is a tree that what others found may join.
    var isOpen = false
}
