import SpeculateDrafter
import SpeculateShared

/// Something that can draft the next round. The chooser asks each candidate what it offers, takes the best offer, and tells
/// it how its draft fared.
///
/// An offer is worth tokens per second: (1 + a)/(T_draft + T_verify(k + 1)) for a draft of k tokens of which a are expected
/// to be accepted, with what else the pass holds counted on both sides. What is decided about a token never depends on the
/// token itself, as *rejection* and *block* ask.
protocol DraftCandidate: AnyObject {
    /// What follows the sequence for this candidate.
    var drafter: any Drafter { get }
    /// What it promises for this round; nil where it has nothing to offer.
    func offer(_ outlook: RoundOutlook) -> DraftOffer?
    /// Tokens per second that its last offer promises with what is known now.
    func rate(_ outlook: RoundOutlook) -> Double
    /// Drafts what it offered last.
    func draft(_ builder: DraftBuilder, into proposal: inout Proposal)
    /// How the round went that it drafted.
    /// - Parameter own: how many of the proposal's first tokens are the candidate's; others joined its tree.
    func learn(_ proposal: Proposal, own: Int, accepted: [Int], outlook: RoundOutlook, times: RoundTimes?)
}

/// What a candidate promises for a round.
struct DraftOffer {
    /// Tokens per second, of all sequences in the pass.
    var rate: Double
    /// Whether to try it although it promises less than another: worth is learnt by trying.
    var isTrial = false
    /// Whether its draft is a tree that what others found may join.
    var isOpen = false
}

/// What is known of a round before anything is drafted.
struct RoundOutlook {
    /// Tokens that the draft may have.
    var maximum: Int
    /// What else the pass holds.
    var load: PassLoad
    /// Tokens per second without a draft.
    var plainRate: Double
    /// The place in `Experience.found` of what earlier text offers; nil for nothing. Text that repeats itself is easier for
    /// every drafter.
    var matched: Int?
}
