import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// Shares the verifier's passes among completions: every pass takes a step of each that decodes, with as deep a draft as
/// pays beside the others, and in what room is left a part of the prompts that are prefilled. Touched on the engine's
/// thread alone.
final class Scheduler {
    /// Prompt tokens of a pass beside completions that decode, so that these do not stall.
    private static let prefillRows = 64
    /// Tokens of a common beginning for which a prompt waits until another has prefilled them.
    private static let worthWaiting = 32
    /// Prompt tokens of the completions that begin between two passes: what drafts from earlier text reads them all first.
    private static let begunTokens = 4096
    /// Tokens taken over from other sequences between two passes: a copy of a long prompt takes as long as several passes.
    /// Fewer where clients are told apart, who are not to wait for one another's.
    private static let adoptedTokens = 512
    private static let sharedAdoptedTokens = 128
    /// Where clients are told apart: prompt tokens of a pass, of all prompts together, so that none that comes waits long for
    /// it. Each counts more the more there is before it: at `attentionLength` tokens attention takes as long as all the rest.
    private static let sharedRows = 64.0
    private static let attentionLength = 850.0
    /// Other completions in progress beside which a drafter's own passes no longer pay: measured, Benchmarks/README.md.
    private static let crowd = 3
    /// Tokens of an earlier process's texts that are read after a pass.
    private static let readTokens = 256
    /// How much a pass counts in the running mean of tokens that it brings.
    private static let rate = 0.05

    private let verifier: Verifier
    private let drafters: DrafterFactory
    private let prefixes: PrefixCache
    private let parallel: Int
    private let batch = RowBatch(capacity: Verifier.maximumRows)
    private(set) var waiting: [ActiveCompletion] = []
    private(set) var active: [ActiveCompletion] = []
    /// Out of their slots until their readers have caught up.
    private var parked: [ActiveCompletion] = []
    private var share = FairShare()
    /// Tokens that a completion gets of a pass.
    private var tokensPerPass = 1.0

    /// - Parameter parallel: completions in progress at once.
    init(verifier: Verifier, drafters: DrafterFactory, prefixes: PrefixCache, parallel: Int) {
        self.verifier = verifier
        self.drafters = drafters
        self.prefixes = prefixes
        self.parallel = parallel
    }

    var activity: EngineActivity {
        EngineActivity(
            running: active.count, waiting: waiting.count + parked.count, prefixMemory: prefixes.bytes,
            prefixMemoryLimit: prefixes.limit)
    }

    /// Whether a completion that begins now shares its passes with many.
    var isCrowded: Bool { min(active.count + waiting.count, parallel - 1) >= Self.crowd }

    var isIdle: Bool { waiting.isEmpty && active.isEmpty && parked.isEmpty }

    /// When the first completion in progress has to end.
    var nextDeadline: ContinuousClock.Instant? { (active + waiting + parked).compactMap(\.deadline).min() }

    func add(_ completion: ActiveCompletion) {
        share.enter(completion.client, present: (active + waiting + parked).lazy.map(\.client))
        waiting.append(completion)
    }

    /// All end with the next step.
    func stopAll() { for completion in waiting + active + parked { completion.stop() } }

    /// One pass. Returns false when nothing can be done before a request comes or a reader catches up.
    func step() -> Bool {
        endWhatIsOver()
        park()
        fillSlots()
        let able = active.filter { !$0.isPaused }
        guard !able.isEmpty else { return false }
        measureCosts(able)
        batch.removeAll()
        let start = ContinuousClock.now
        let planned = plan(able)
        guard !planned.isEmpty else { return true }  // Something was adopted, the rest of it comes next.
        let forward = ContinuousClock.now
        let pass = verifier.forward(batch)
        let done = ContinuousClock.now
        let times = RoundTimes(draft: (forward - start) / .seconds(1), verify: (done - forward) / .seconds(1))
        drafters.costs.observe(verify: times.verify, rows: batch.rowCount)
        for (completion, step) in planned { absorb(completion, step, pass, planned.count == 1 ? times : nil) }
        drafters.memories.readOn(Self.readTokens)
        // Who was first in this pass is last in the next one.
        if active.count > 1 { active.append(active.removeFirst()) }
        active.removeAll { $0.generation.result != nil }
        return true
    }

    /// Measures what passes take once some completion wants to draft by it. Nobody's first token waits for it, nor is it part
    /// of anybody's speed.
    private func measureCosts(_ able: [ActiveCompletion]) {
        guard !drafters.costs.isMeasured, able.contains(where: \.generation.hasAnswered),
            able.contains(where: { $0.generation.settings.speculation == .adaptive })
        else { return }
        let start = ContinuousClock.now
        drafters.costs.measure()
        for completion in active { completion.generation.exclude(ContinuousClock.now - start) }
    }

    private func endWhatIsOver() {
        let now = ContinuousClock.now
        for completion in waiting + active + parked {
            guard let reason = completion.ending(now) else { continue }
            completion.deliver(completion.generation.end(reason))
            release(completion)
        }
        waiting.removeAll { $0.generation.result != nil }
        active.removeAll { $0.generation.result != nil }
        parked.removeAll { $0.generation.result != nil }
    }

    /// A completion whose reader is behind keeps no slot from those that wait; it comes first once its reader is there.
    private func park() {
        waiting.insert(contentsOf: parked.filter { !$0.isPaused }, at: 0)
        parked.removeAll { !$0.isPaused }
        guard !waiting.isEmpty, active.count == parallel else { return }
        for completion in active where completion.isPaused {
            suspend(completion)
            parked.append(completion)
        }
    }

    /// Who had the least work done comes next, then who has the fewest slots, in the order of asking among equals. A client
    /// that has more than its share of the slots, while another that has less waits for one, gives one back.
    private func fillSlots() {
        var begun = 0
        while begun < Self.begunTokens, let place = nextWaiting() {
            let completion = waiting[place]
            begun += completion.generation.statistics.promptTokens
            if active.count == parallel {
                guard let last = overShare(before: completion) else { return }
                waiting.remove(at: place)
                suspend(last)
                waiting.insert(last, at: 0)  // Before those of its client that have not begun.
            } else {
                waiting.remove(at: place)
            }
            begin(completion)
        }
    }

    /// How many each client has.
    private var slots: [String?: Int] {
        active.reduce(into: [:]) { $0[$1.client, default: 0] += 1 }
    }

    private func nextWaiting() -> Int? {
        let slots = slots
        func rank(_ completion: ActiveCompletion) -> (Double, Int) {
            (share.work(of: completion.client), slots[completion.client, default: 0])
        }
        return waiting.indices.min { rank(waiting[$0]) < rank(waiting[$1]) }
    }

    /// The completion that gives its slot to another client's: one of the client with the most slots, as long as they are
    /// more than the other one would have.
    private func overShare(before waiting: ActiveCompletion) -> ActiveCompletion? {
        let slots = slots
        let most = slots.values.max() ?? 0
        guard most > slots[waiting.client, default: 0] + 1 else { return nil }
        return active.last { slots[$0.client] == most }
    }

    private func begin(_ completion: ActiveCompletion) {
        do throws(OutOfMemory) {
            try completion.generation.begin { [self] settings, capacity throws(OutOfMemory) in
                try drafters.makeDrafter(settings, capacity: capacity, isCrowded: isCrowded)
            }
            active.append(completion)
        } catch {
            completion.fail(EngineError(error))
        }
    }

    private func suspend(_ completion: ActiveCompletion) {
        release(completion)
        active.removeAll { $0 === completion }
    }

    private typealias Planned = (completion: ActiveCompletion, step: Step)

    /// Those that decode first, so that a long prompt delays nobody's next token by much.
    private func plan(_ able: [ActiveCompletion]) -> [Planned] {
        var planned: [Planned] = []
        let decoding = able.filter { !$0.generation.isPrefilling }
        for (index, completion) in decoding.enumerated() {
            let after = decoding.count - index - 1  // Each of these needs a row at least.
            let load = PassLoad(rows: batch.rowCount + after, tokens: Double(decoding.count - 1) * tokensPerPass)
            plan(completion, rows: batch.capacity - batch.rowCount - after, beside: load, &planned)
        }
        var (adopted, budget) = (0, Self.sharedRows)
        var room = decoding.isEmpty ? batch.capacity : min(Self.prefillRows, batch.capacity - batch.rowCount)
        let prefilling = able.filter(\.generation.isPrefilling)
        let work = prefilling.map { share.work(of: $0.client) }
        // Who had the least first; among equals, those that were first in the last pass last.
        for index in prefilling.indices.sorted(by: { (work[$0], $0) < (work[$1], $1) }) where room > 0 {
            let completion = prefilling[index]
            guard !waitsForPrefix(of: completion, planned) else { continue }
            adopted += adopt(completion, limit: adopted)
            guard !completion.generation.hasSource else { continue }
            let before = batch.rowCount
            let cost = completion.client == nil ? 0 : 1 + Double(completion.generation.cached) / Self.attentionLength
            let most = cost == 0 ? room : min(room, max(Int(budget / cost), planned.isEmpty ? 8 : 0))
            plan(completion, rows: most, beside: .none, &planned)
            let rows = batch.rowCount - before
            room -= rows
            budget -= cost * Double(rows)
            share.add(FairShare.prefilled * Double(rows), to: completion.client)
        }
        return planned
    }

    private func plan(
        _ completion: ActiveCompletion, rows: Int, beside load: PassLoad, _ planned: inout [Planned]
    ) {
        do throws(EngineError) {
            guard let step = try completion.generation.plan(batch, rows: rows, beside: load) else { return }
            planned.append((completion, step))
        } catch {
            fail(completion, error)
        }
    }

    /// Adopts a part of what another sequence has computed of a prompt's beginning; returns how many tokens.
    /// - Parameter adopted: tokens adopted between the same two passes already.
    private func adopt(_ completion: ActiveCompletion, limit adopted: Int) -> Int {
        let generation = completion.generation
        if !generation.hasBegun, !generation.hasSource {
            generation.findSource(in: prefixes, active.lazy.filter { $0 !== completion }.map(\.generation))
        }
        guard generation.hasSource else { return 0 }
        let most = completion.client == nil ? Self.adoptedTokens : Self.sharedAdoptedTokens
        let taken = generation.adopt(max(most - adopted, 0))
        share.add(FairShare.adopted * Double(taken), to: completion.client)
        return taken
    }

    /// Whether, before the first token of a prompt is computed, another is about to compute more of the same beginning than
    /// there is, which is worth waiting for.
    private func waitsForPrefix(of completion: ActiveCompletion, _ planned: [Planned]) -> Bool {
        let generation = completion.generation
        guard !generation.hasBegun, !generation.hasSource else { return false }
        // One that is paused computes nothing before its reader has caught up.
        for other in active where other !== completion && !other.isPaused {
            guard other.generation.isPrefilling,
                other.generation.hasBegun || planned.contains(where: { $0.completion === other })
            else { continue }
            if generation.sharedTokensToCome(from: other.generation) >= Self.worthWaiting { return true }
        }
        return false
    }

    private func absorb(_ completion: ActiveCompletion, _ step: Step, _ pass: PassResult, _ times: RoundTimes?) {
        let generation = completion.generation
        let before = generation.statistics.completionTokens
        do throws(EngineError) {
            completion.deliver(try generation.absorb(step, pass, times: times))
        } catch {
            return fail(completion, error)
        }
        let brought = generation.statistics.completionTokens - before
        if brought > 0 { tokensPerPass += Self.rate * (Double(brought) - tokensPerPass) }
        share.add(FairShare.decoded * Double(brought), to: completion.client)
        if generation.result != nil { release(completion) }
    }

    private func fail(_ completion: ActiveCompletion, _ error: EngineError) {
        completion.fail(error)
        active.removeAll { $0 === completion }
    }

    /// Others may begin as this one did.
    private func release(_ completion: ActiveCompletion) {
        let generation = completion.generation
        if generation.result != nil { drafters.remember(generation.tokens, of: generation.settings) }
        generation.suspend(in: prefixes)
    }
}
