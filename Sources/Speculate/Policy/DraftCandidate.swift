import SpeculateDrafter
import SpeculateShared

/// Something that can draft the next round. The chooser asks each candidate what it offers, takes the best offer, and tells
/// all how it fared.
///
/// An offer is worth tokens per second: (1 + a)/(T_draft + T_verify(k + 1)) for a draft of k tokens of which a are expected
/// to be accepted, with what else the pass holds counted on both sides. What is decided about a token never depends on the
/// token itself, as *rejection* and *block* ask.
protocol DraftCandidate: AnyObject {
    /// What follows the sequence for this candidate.
    var drafter: any Drafter { get }
    func commit(_ tokens: ArraySlice<Int32>)
    /// Looks at what costs nothing to look at, before anybody offers; others may be interested in it.
    func look(_ outlook: inout RoundOutlook)
    /// What it promises for this round; nil where it has nothing to offer.
    func offer(_ outlook: RoundOutlook) -> DraftOffer?
    /// Whether another is to draft although this one promises the most: worth is learnt by trying.
    func yields() -> Bool
    /// Tokens per second that an offer promises with what is known now.
    func rate(of offer: DraftOffer, _ outlook: RoundOutlook) -> Double
    /// Drafts what it offered.
    func draft(_ offer: DraftOffer, _ builder: DraftBuilder, into proposal: inout Proposal)
    /// Adds what it found to the open tree of another.
    func join(_ tree: inout Proposal, _ builder: DraftBuilder)
    /// How its draft fared.
    func learn(_ draft: ChosenDraft, _ proposal: Proposal, accepted: [Int], times: RoundTimes?)
    /// Another drafted the round, and has learnt from it.
    func compare(with other: any DraftCandidate, _ draft: ChosenDraft)
}

/// Most candidates look at nothing, stand alone, and care for their own drafts.
extension DraftCandidate {
    func commit(_ tokens: ArraySlice<Int32>) { drafter.commit(tokens) }
    func look(_ outlook: inout RoundOutlook) {}
    func yields() -> Bool { false }
    func join(_ tree: inout Proposal, _ builder: DraftBuilder) {}
    func compare(with other: any DraftCandidate, _ draft: ChosenDraft) {}
}
