/// The offer that a round's draft was made from.
struct ChosenDraft {
    let offer: DraftOffer
    let outlook: RoundOutlook
    /// How many of the draft's first tokens are the candidate's own; others joined its tree.
    let own: Int
}
