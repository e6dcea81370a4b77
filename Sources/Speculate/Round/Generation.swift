import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// One completion in progress. For each pass it `plan`s a step, a chunk of the prompt or one round's anchor token and draft,
/// and `absorb`s what the pass computed for that step; a pass may serve several completions. Depth 0 is plain decoding
/// through the same code.
///
/// An `AcceptanceRule` says how much of a draft is kept. Under greedy, match and coupled the text is the same, byte for
/// byte, as without a draft.
package final class Generation {
    /// Tokens of a prompt up to which nobody asks whether there is memory for their cache.
    private static let promptsWithoutCheck = 1024

    package internal(set) var statistics = CompletionStatistics()
    package internal(set) var result: CompletionResult?

    let settings: GenerationSettings
    let verifier: Verifier
    let sampler: Sampler
    private(set) var drafter: (any Drafter)?
    /// Between `begin` and `suspend`.
    private(set) var cache: KVCache?
    /// Prompt and answer. The cache holds all but the last once the prompt is prefilled.
    var tokens: [Int32]
    var history = TokenHistory()
    /// An earlier sequence that began alike: what is left to adopt of it, and how many tokens.
    var source: (entry: PrefixCache.Entry, count: Int)?
    /// What it adopts after a suspension it may have computed itself.
    private(set) var wasSuspended = false

    var text: AnswerText
    var answer = ""
    var loop: TextLoop?
    var firstTokenTime: ContinuousClock.Instant?
    /// Of the prompt's tokens, as far as it is prefilled; nil where nobody asks.
    var promptLogprobs: [TokenLogprobs?]?
    /// Of the round in progress, until its first token is taken.
    var reportedRound: DraftRound?
    var recorded: RecordedHiddenStates?
    /// Memory of the last draft, for the next one.
    var spareDraft = Proposal()
    /// Memory of a round's rows.
    var rows: [Int32] = []

    init(_ settings: GenerationSettings, verifier: Verifier, sampler: Sampler) {
        precondition(
            !(settings.recordsHiddenStates && settings.speculation != .none), "rows of a draft may not be kept")
        precondition(!settings.prompt.isEmpty && settings.maximumTokens >= (settings.promptLogprobs ? 0 : 1))
        precondition(settings.speculation.tokens < RowBatch.maximumTreeRows)
        self.settings = settings
        self.verifier = verifier
        self.sampler = sampler
        tokens = settings.prompt
        text = AnswerText(stops: settings.stops)
        loop = settings.endsLoops ? TextLoop() : nil
        promptLogprobs = settings.promptLogprobs ? [nil] : nil
        recorded =
            settings.recordsHiddenStates
            ? RecordedHiddenStates(width: verifier.taps.count * verifier.config.hidden) : nil
        statistics.promptTokens = tokens.count
        if settings.speculation == .none { statistics.speculationOff = "no drafter" }
    }

    var promptCount: Int { settings.prompt.count }
    /// Tokens of the answer so far.
    var answered: Int { tokens.count - promptCount }
    /// Tokens that the cache holds.
    var cached: Int { cache?.count ?? 0 }
    /// Whether anything of the prompt is computed.
    var hasBegun: Bool { cached > 0 }
    /// Whether there is a first token.
    var hasAnswered: Bool { firstTokenTime != nil }

    /// Whether the next step is a chunk of the prompt, or of what stood in the cache before.
    package var isPrefilling: Bool { cached < tokens.count - 1 }

    /// Takes memory for the sequence; after this, steps can be planned.
    /// - Parameter makeDrafter: makes what drafts for a sequence of so many tokens.
    package func begin(
        drafter makeDrafter: (_ settings: GenerationSettings, _ capacity: Int) throws(OutOfMemory) -> (any Drafter)?
    ) throws(OutOfMemory) {
        let capacity = promptCount + settings.maximumTokens
        // A short prompt fits, or nothing does.
        if tokens.count > Self.promptsWithoutCheck {
            try SystemMemory.check(
                needs: verifier.cacheBytes(tokens.count), for: "the KV cache of \(tokens.count) tokens")
        }
        cache = try verifier.makeCache(capacity: capacity)
        cache?.prepare(to: tokens.count - 1)
        drafter = settings.speculation == .none ? nil : try makeDrafter(settings, capacity)
        drafter?.begin(tokens)
        if settings.options.hasPenalties, answered == 0 { history = TokenHistory(prompt: tokens) }
    }

    /// Gives the sequence's memory back and leaves what was computed to those that begin alike, itself among them: after
    /// another `begin` it continues with the same tokens.
    func suspend(in prefixes: PrefixCache) {
        if let computed = shareComputed() { prefixes.keep(computed) }
        (cache, drafter, source) = (nil, nil, nil)
        wasSuspended = true
    }

    /// Leaves time that was spent on something else out of the answer's.
    func exclude(_ pause: Duration) { firstTokenTime? += pause }

    /// Ends the completion where it stands.
    package func end(_ reason: CompletionResult.FinishReason) -> [CompletionDelta.Piece] {
        result == nil ? finish(reason) : []
    }
}
