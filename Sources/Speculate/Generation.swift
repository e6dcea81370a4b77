import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// One completion in progress. Each step `plan`s rows for a pass, a chunk of the prompt or one round's anchor and draft,
/// and `absorb`s what the pass computed; a pass may serve several completions. Depth 0 is plain decoding through the
/// same code.
///
/// An `AcceptanceRule` says how much of a draft is kept. Under greedy, match and coupled the text is the same, byte for
/// byte, as without a draft.
package final class Generation {
    /// Prompt tokens of one step: long enough to be efficient, short enough that a cancelled prompt ends soon.
    private static let prefillRows = 256
    /// The same where every token's probability is asked for, which needs all logits.
    private static let reportedRows = 32

    /// Tokens up to which nobody asks whether there is memory for their cache.
    private static let promptsWithoutCheck = 1024

    package private(set) var statistics = CompletionStatistics()
    package private(set) var result: CompletionResult?

    private let verifier: Verifier
    private(set) var drafter: (any Drafter)?
    private let sampler: Sampler
    private let options: SamplingOptions
    private let rule: AcceptanceRule
    private let speculation: Speculation
    private let maximumTokens: Int
    private let logprobs: Int?
    private let reportsRounds: Bool
    /// Of the round in progress, until its first token is taken.
    private var round: DraftRound?
    /// Of the prompt's tokens, as far as it is read; nil where nobody asks.
    private var promptLogprobs: [TokenLogprobs?]?
    /// Watches for the answer's going round in circles, where that is to end it.
    private var loop: TextLoop?
    let scope: CacheScope
    /// Between `begin` and `suspend`.
    private var cache: KVCache?
    /// What is yet to be taken over, and how many tokens of it.
    private var source: (entry: PrefixCache.Entry, count: Int)?
    /// What it takes over after a suspension it may have computed itself.
    private var wasSuspended = false
    private let start: ContinuousClock.Instant
    private var firstTokenTime: ContinuousClock.Instant?
    private var history = TokenHistory()
    /// Prompt and answer. The cache holds all but the last once the prompt is done.
    private var tokens: [Int32]
    private var draft = Proposal()
    private var rows: [Int32] = []
    private var parents: [Int] = []
    private var isTree = false
    /// Places in the draft of what was kept of it.
    private var accepted: [Int] = []
    /// Of the planned rows in the pass, the first with logits; nil where none has.
    private var firstLogits: Int?
    /// Whether the planned rows are a chunk of the prompt.
    private var isReading = false
    /// The planned rows.
    private var planned = 0..<0
    private var text: AnswerText
    private var answer = ""
    private var recorded: RecordedStates?
    private let promptCount: Int

    /// - Parameters:
    ///   - prompt: at least one token, all in the vocabulary.
    ///   - maximumTokens: at least 1, 0 where the prompt's probabilities are asked for; prompt and answer fit the context.
    ///   - endsLoops: whether an answer that goes round in circles ends with the third turn.
    ///   - logprobs: likeliest tokens to report beside each token; nil reports nothing.
    ///   - speculation: how much is drafted at most; none without a drafter.
    ///   - scope: of those who may know what the prompt begins with.
    init(
        prompt: [Int32], maximumTokens: Int, options: SamplingOptions, rule: AcceptanceRule = .match, stops: StopTexts,
        endsLoops: Bool = false, logprobs: Int? = nil, promptLogprobs: Bool = false, reportsRounds: Bool = false,
        speculation: Speculation,
        scope: CacheScope = CacheScope(client: nil, salt: nil),
        start: ContinuousClock.Instant = .now, verifier: Verifier, sampler: Sampler, recordsStates: Bool = false
    ) {
        precondition(!(recordsStates && speculation != .none), "rows of a draft may not be kept")
        precondition(
            !prompt.isEmpty && maximumTokens >= (promptLogprobs ? 0 : 1) && speculation.tokens < Verifier.maximumRows)
        self.verifier = verifier
        self.options = options
        self.rule = rule
        self.speculation = speculation
        self.scope = scope
        self.start = start
        self.maximumTokens = maximumTokens
        self.logprobs = logprobs
        self.sampler = sampler
        self.promptLogprobs = promptLogprobs ? [nil] : nil
        self.reportsRounds = reportsRounds
        loop = endsLoops ? TextLoop() : nil
        tokens = prompt
        promptCount = prompt.count
        text = AnswerText(stops: stops)
        statistics.promptTokens = prompt.count
        recorded = recordsStates ? RecordedStates(verifier) : nil
        if speculation == .none { statistics.speculationOff = "no drafter" }
    }

    /// Takes memory for the sequence; after this, steps can be planned.
    /// - Parameter makeDrafter: makes what drafts for a sequence of so many tokens.
    package func begin(
        drafter makeDrafter: (_ speculation: Speculation, _ rule: AcceptanceRule, _ capacity: Int) throws(OutOfMemory)
            -> (
                any Drafter
            )?
    ) throws(OutOfMemory) {
        let capacity = promptCount + maximumTokens
        // A short prompt fits, or nothing does.
        if tokens.count > Self.promptsWithoutCheck {
            try SystemMemory.check(
                needs: verifier.cacheBytes(tokens.count), for: "the KV cache of \(tokens.count) tokens")
        }
        cache = try verifier.makeCache(capacity: capacity)
        cache?.prepare(to: tokens.count - 1)
        drafter = speculation == .none ? nil : try makeDrafter(speculation, rule, capacity)
        drafter?.begin(tokens)
        if options.hasPenalties, tokens.count == promptCount { history = TokenHistory(prompt: tokens) }
    }

    /// Gives the sequence's memory back and leaves what was computed to those that begin alike, itself among them: after
    /// another `begin` it continues with the same tokens.
    func suspend(in prefixes: PrefixCache) {
        if let computed { prefixes.keep(computed) }
        (cache, drafter, source) = (nil, nil, nil)
        wasSuspended = true
    }

    /// What rows are asked for.
    private var logitRows: RowBatch.LogitRows {
        options.takesLikeliest && logprobs == nil && recorded == nil ? .likeliest : .all
    }

    /// Whether there is a first token.
    var hasAnswered: Bool { firstTokenTime != nil }

    /// Leaves a time that was spent on something else out of the answer's.
    func leaveOut(_ pause: Duration) { firstTokenTime? += pause }

    /// Whether anything of the prompt is computed.
    var hasBegun: Bool { held > 0 }

    /// Tokens that the cache holds.
    var held: Int { cache?.count ?? 0 }

    /// Whether all is to be computed here: what was computed before was not recorded, nor are its logits there.
    private var computesAll: Bool { recorded != nil || promptLogprobs != nil }

    /// Tokens with which both texts begin and that the other has yet to compute.
    func awaits(_ other: Generation) -> Int {
        guard !computesAll, scope == other.scope else { return 0 }
        return commonPrefix(tokens.dropLast(), other.tokens.dropLast()) - other.held
    }

    /// Looks, before anything is computed, for what an earlier sequence, or one in progress, that began alike has computed.
    func findSource(in prefixes: PrefixCache, _ others: some Sequence<Generation>) {
        guard !computesAll else { return }
        let needsDrafter = drafter?.cache != nil
        source = prefixes.longest(tokens, in: scope, withDrafter: needsDrafter)
        for other in others where other.scope == scope && other.held > source?.count ?? 0 {
            guard let entry = other.computed else { continue }
            let count = entry.common(with: tokens, withDrafter: needsDrafter)
            if count > source?.count ?? 0 { source = (entry, count) }
        }
    }

    /// Whether there is more to take over.
    var hasSource: Bool { source != nil }

    /// Takes over up to `limit` tokens of what was found; returns how many.
    func adopt(_ limit: Int) -> Int {
        guard let cache, let (entry, count) = source else { return 0 }
        let first = cache.count
        let reached = min(first + limit, count)
        cache.adopt(reached, of: entry.cache)
        if let states = entry.drafterCache { drafter?.adopt(reached, of: states) }
        if !wasSuspended { statistics.cachedPromptTokens += reached - first }
        if reached == count { source = nil }
        return reached - first
    }

    private var computed: PrefixCache.Entry? {
        cache.map {
            .init(scope: scope, tokens: Array(tokens.prefix($0.count)), cache: $0, drafterCache: drafter?.cache)
        }
    }

    /// Ends the completion where it stands.
    package func end(_ reason: CompletionResult.FinishReason) -> [CompletionDelta.Piece] {
        result == nil ? finish(reason) : []
    }

    /// Whether the next step is a chunk of the prompt, or of what stood in the cache before.
    package var isPrefilling: Bool { held < tokens.count - 1 }

    /// Adds this step's rows to the pass, at most `room` of them; returns false when there is none.
    @discardableResult
    package func plan(_ batch: RowBatch, rows room: Int) -> Bool {
        precondition(result == nil && room <= batch.capacity - batch.rowCount)
        guard let cache, room > 0 else { return false }
        if isPrefilling {
            let reports = promptLogprobs.map { $0.count < promptCount } ?? false
            let end = min(
                cache.count + min(reports ? Self.reportedRows : Self.prefillRows, room), tokens.count - 1)
            planned = batch.rowCount..<batch.rowCount + end - cache.count
            firstLogits = reports ? batch.logitRowCount : nil
            batch.append(tokens[cache.count..<end], to: cache, logits: reports ? .all : .none)
            isReading = true
            return true
        }
        isReading = false
        let answered = tokens.count - promptCount
        drafter?.propose(
            maximum: max(min(speculation.tokens, maximumTokens - answered - 1, room - 1), 0), into: &draft)
        rows.removeAll(keepingCapacity: true)
        rows.append(tokens[tokens.count - 1])
        rows += draft.tokens
        planned = batch.rowCount..<batch.rowCount + rows.count
        firstLogits = batch.logitRowCount
        isTree = !draft.isChain
        if isTree {
            parents.removeAll(keepingCapacity: true)
            parents.append(-1)
            for parent in draft.parents { parents.append(parent + 1) }
            batch.appendTree(rows, parents: parents, to: cache, logits: logitRows)
        } else {
            batch.append(rows, to: cache, logits: logitRows)
        }
        return true
    }

    /// Takes what the pass computed for the planned rows.
    /// - Parameter times: of a round that had its passes for itself.
    package func absorb(times: RoundTimes? = nil) throws(EngineError) -> [CompletionDelta.Piece] {
        guard let cache else { return [] }
        for row in planned { recorded?.append(verifier, row: row) }
        if isReading {
            if let drafter { for row in planned { drafter.observe(verifier, row: row) } }
            if let firstLogits { try reportPrompt(firstLogits) }
            return []
        }
        guard let firstLogits else { return [] }
        if maximumTokens == 0 { return finish(.length) }
        let answered = tokens.count - promptCount
        var pieces: [CompletionDelta.Piece] = []
        var reason: CompletionResult.FinishReason?
        let next = try judge(firstLogits)
        if recorded != nil { try recordTotal(firstLogits) }
        if reportsRounds { round = picture(next) }
        var row = firstLogits
        for place in accepted where reason == nil {
            reason = try append(draft.tokens[place], isDrafted: true, logits: row, &pieces)
            row = firstLogits + 1 + place
        }
        if reason == nil { reason = try append(next, isDrafted: false, logits: row, &pieces) }
        let kept = tokens.count - promptCount - answered
        let first = cache.count - planned.count
        if reason != nil {
            cache.rollback(to: first + 1)  // What was drafted may not be what was kept.
        } else {
            if isTree { cache.keep(path: [0] + accepted.map { $0 + 1 }, from: first) }
            cache.rollback(to: tokens.count - 1)
            drafter?.observe(verifier, row: planned.lowerBound)
            for place in accepted { drafter?.observe(verifier, row: planned.lowerBound + 1 + place) }
            drafter?.commit(tokens[(tokens.count - kept)...])
            drafter?.learn(draft, accepted: accepted, times: times)
        }
        statistics.record(draft, accepted: min(accepted.count, kept))  // An answer may end inside a draft.
        if let times {
            statistics.draftTime += .seconds(times.draft)
            statistics.verifyTime += .seconds(times.verify)
        }
        statistics.completionTokens += kept
        if firstTokenTime == nil {
            let now = ContinuousClock.now
            firstTokenTime = now
            statistics.timeToFirstToken = now - start
            statistics.firstRoundTokens = kept
        }
        if let reason { pieces += finish(reason) }
        return pieces
    }

    /// Sets `accepted`; returns the token that follows.
    private func judge(_ firstLogits: Int) throws(EngineError) -> Int32 {
        var distributions = SampledDistributions(
            verifier: verifier, sampler: sampler, options: options, kind: rule.draw, firstLogits: firstLogits,
            position: tokens.count, draft: draft, history: history)
        do throws(Sampler.NonFiniteLogits) {
            return try rule.judge(draft, &distributions, accepted: &accepted)
        } catch {
            throw damage(error)
        }
    }

    private func recordTotal(_ row: Int) throws(EngineError) {
        do throws(Sampler.NonFiniteLogits) {
            recorded?.append(logTotal: try sampler.logTotal(verifier.logits(row)))
        } catch {
            throw damage(error)
        }
    }

    private func damage(_ error: Sampler.NonFiniteLogits) -> EngineError {
        EngineError(.runtime, "\(error) at token \(tokens.count): the checkpoint's weights are damaged")
    }

    /// Takes a token into the answer; returns why the answer ends with it, if it does.
    /// - Parameter logits: those of the pass that the token follows from.
    private func append(
        _ token: Int32, isDrafted: Bool, logits: Int, _ pieces: inout [CompletionDelta.Piece]
    ) throws(EngineError) -> CompletionResult.FinishReason? {
        tokens.append(token)
        if options.hasPenalties { history.append(token) }
        if verifier.tokenizer.endTokens.contains(token) { return .endOfText }
        if verifier.tokenizer.kinds[Int(token)] != .control {
            let logprobs = try logprobs.map { count throws(EngineError) in
                try report(token, likeliest: count, logits: logits)
            }
            let bytes = verifier.tokenizer.pieces[Int(token)]
            show(text.append(bytes, isDrafted: isDrafted, logprobs: logprobs, round: round), &pieces)
            round = nil
        }
        if let stop = text.stopped { return .stop(stop) }
        if loop?.beyond(with: token) != nil { return .loop }
        return tokens.count - promptCount == maximumTokens ? .length : nil
    }

    private func picture(_ next: Int32) -> DraftRound {
        func text(_ token: Int32) -> String { String(decoding: verifier.tokenizer.pieces[Int(token)], as: UTF8.self) }
        let kept = Set(accepted)
        return DraftRound(
            drafted: draft.tokens.indices.map { place in
                .init(
                    text: text(draft.tokens[place]), parent: draft.parents[place],
                    isAccepted: kept.contains(place))
            }, own: text(next))
    }

    /// The rows of a chunk each tell of the token behind theirs. A sequence that was suspended reads some again.
    private func reportPrompt(_ firstLogits: Int) throws(EngineError) {
        guard let logprobs else { return }
        for row in 0..<planned.count {
            let next = held - planned.count + row + 1
            guard next == promptLogprobs?.count, next < promptCount else { continue }
            promptLogprobs?.append(try report(tokens[next], likeliest: logprobs, logits: firstLogits + row))
        }
    }

    private func report(_ token: Int32, likeliest count: Int, logits: Int) throws(EngineError) -> TokenLogprobs {
        func entry(_ token: Int32, _ logprob: Float) -> TokenLogprobs.Entry {
            .init(token: token, bytes: Array(verifier.tokenizer.pieces[Int(token)]), logprob: logprob)
        }
        do throws(Sampler.NonFiniteLogits) {
            let (chosen, likeliest) = try sampler.logprobs(verifier.logits(logits), of: token, likeliest: count)
            return TokenLogprobs(chosen: entry(token, chosen), likeliest: likeliest.map { entry($0, $1) })
        } catch {
            throw damage(error)
        }
    }

    private func finish(_ reason: CompletionResult.FinishReason) -> [CompletionDelta.Piece] {
        var pieces: [CompletionDelta.Piece] = []
        show(text.finish(isCut: reason == .cancelled || reason == .deadline), &pieces)
        if speculation != .none, statistics.drafted == 0, statistics.rounds > 0 {
            statistics.speculationOff = "no draft promised to pay"
        }
        if let firstTokenTime { statistics.decodingTime = ContinuousClock.now - firstTokenTime }
        // The last bytes of a text can still complete a stop text.
        let reason = text.stopped.map(CompletionResult.FinishReason.stop) ?? reason
        result = CompletionResult(
            text: answer, promptTokens: Array(tokens[..<promptCount]), tokens: Array(tokens[promptCount...]),
            finishReason: reason, promptLogprobs: promptLogprobs ?? [], statistics: statistics, recorded: recorded)
        return pieces
    }

    private func show(_ new: [CompletionDelta.Piece], _ pieces: inout [CompletionDelta.Piece]) {
        for piece in new { answer += piece.text }
        pieces += new
    }
}
