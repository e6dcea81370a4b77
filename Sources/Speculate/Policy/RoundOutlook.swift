import SpeculateDrafter

/// What is known of a round before anything is drafted.
struct RoundOutlook {
    /// Tokens that the draft may have.
    let maximum: Int
    /// What else the pass holds.
    let load: PassLoad
    /// Tokens per second without a draft.
    let plainRate: Double
    /// How much of the text's end has occurred before: 0 to 3 for 2, 3, 4 to 7 and more tokens; nil for less. Text that
    /// repeats itself is easier for every drafter.
    var repetition: Int?
}
