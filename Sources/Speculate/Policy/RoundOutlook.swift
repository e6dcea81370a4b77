import SpeculateDrafter

/// What is known of a round before anything is drafted.
struct RoundOutlook {
    /// Tokens that the draft may have.
    let maximum: Int
    /// What else the pass holds.
    let load: PassLoad
    /// Tokens per second without a draft.
    let plainRate: Double
    /// How much of the text's end has occurred before, as a place in `PromptLookupDrafter.lengths`; nil for nothing. Text
    /// that repeats itself is easier for every drafter.
    var repetition: Int?
}
