import SpeculateShared

/// What a completion is to be: the request in the engine's terms.
package struct GenerationSettings {
    /// At least one token, all in the vocabulary.
    package var prompt: [Int32]
    /// At least 1; 0 where the prompt's probabilities are asked for. Prompt and answer fit the context.
    package var maximumTokens: Int
    package var options = SamplingOptions()
    package var rule = AcceptanceRule.match
    /// Judges in the rule's place.
    package var acceptance: (any Acceptance)?
    var stops = StopTexts([])
    /// Whether an answer that goes round in circles ends with the third turn.
    package var endsLoops = false
    /// Likeliest tokens to report beside each token; nil reports nothing.
    package var logprobs: Int?
    package var promptLogprobs = false
    package var reportsRounds = false
    /// How much is drafted at most; none without a drafter.
    package var speculation = Speculation.none
    /// Whether the drafter has to see every row, so that nothing computed for others is adopted.
    package var drafterReadsAllRows = false
    /// Who may know what the prompt begins with.
    package var scope = CacheScope(client: nil, salt: nil)
    package var start = ContinuousClock.now
    /// Whether the tapped hidden states of all rows are kept with the result.
    package var recordsHiddenStates = false

    package init(prompt: [Int32], maximumTokens: Int) {
        self.prompt = prompt
        self.maximumTokens = maximumTokens
    }

    /// Which logits a round asks for.
    var logitRows: RowBatch.LogitRows {
        options.takesLikeliest && logprobs == nil && !recordsHiddenStates ? .likeliest : .all
    }
}
