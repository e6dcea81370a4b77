import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// What passes take here: measured once, kept up to date by every round, since passes take longer as the context grows
/// and as other programs run.
final class CostTable {
    /// Rows and slots that are measured, what says the most first.
    private static let measuredRows = [8, 1, 4, 16, 2, 5, 9]
    private static let measuredSlots = [1, 4, 2]
    private static let repeats = 3
    /// Seconds after which measuring stops, but not before the first two of each: large models and slow processors
    /// would keep the first completion waiting.
    static let patience = 0.2
    /// How much a new measurement counts.
    private static let rate = 0.1

    /// What passes take at present; without entries until it is measured.
    private(set) var current = PassCosts(verify: [], draft: [], furtherPass: [])
    var isMeasured: Bool { !current.verify.isEmpty }

    private let verifier: Verifier
    private let cache: KVCache
    private let drafter: BlockDiffusionDrafter?

    init(verifier: Verifier, model: BlockDiffusionModel?) throws(OutOfMemory) {
        self.verifier = verifier
        cache = try verifier.makeCache(capacity: Self.measuredRows.max()!)
        drafter = try model.map { model throws(OutOfMemory) in
            try BlockDiffusionDrafter(model, growth: TreeGrowth(tokens: 1, width: 1, depth: 1), capacity: 16)
        }
    }

    /// Measures what passes take, unless that is known.
    /// - Parameter patience: seconds after which measuring stops.
    func measure(patience: Double = CostTable.patience) {
        guard !isMeasured else { return }
        let rows = Self.measuredRows.filter { $0 <= cache.capacity }
        let most = min(drafter?.model.config.drafts ?? 0, 8)
        let slots = [most] + Self.measuredSlots.filter { $0 < most }
        var least = (rows: [Int: Double](), first: [Int: Double](), further: [Int: Double]())
        _ = Self.measure(verifier, rows: 1, cache)  // The first pass of all finds memory and workers asleep.
        let start = ContinuousClock.now
        // Drafts between the verifier's passes, as in a round.
        for turn in 0..<Self.repeats * rows.count {
            guard turn < 2 || (ContinuousClock.now - start) / .seconds(1) < patience else { break }
            let count = rows[turn % rows.count]
            let (seconds, pass) = Self.measure(verifier, rows: count, cache)
            least.rows[count] = min(least.rows[count] ?? .infinity, seconds)
            guard let drafter else { continue }
            let slot = slots[turn % slots.count]
            let (first, further) = Self.measure(drafter, after: pass, slots: slot, most: most)
            least.first[slot] = min(least.first[slot] ?? .infinity, first)
            if let further { least.further[slot] = min(least.further[slot] ?? .infinity, further) }
        }
        current = PassCosts(
            verify: Self.curve(least.rows), draft: Self.curve(least.first), furtherPass: Self.curve(least.further))
    }

    /// Seconds of the verifier's pass over so many rows and those beside them. Beyond the table the cost grows as it
    /// does at its end.
    func verify(rows: Int, beside load: PassLoad = .none) -> Double { Self.value(current.verify, rows + load.rows) }

    /// Tokens per second of a pass whose sequence drafts nothing, those of other sequences included.
    func plainRate(beside load: PassLoad) -> Double { (load.tokens + 1) / verify(rows: 1, beside: load) }

    /// Seconds that one more row than so many costs where further ones are worth it too: the slope of the greatest
    /// convex curve below the measured one, whose own steps are smaller than its noise.
    func marginal(rows: Int, beside load: PassLoad = .none) -> Double {
        let verify = current.verify
        let (here, last) = (rows + load.rows, verify.count)
        guard here < last else { return Self.value(verify, last + 1) - verify[last - 1] }
        var slope = 0.0
        var vertex = 1
        while vertex <= here {
            var next = vertex + 1
            slope = .infinity
            for end in vertex + 1...last {
                let chord = (verify[end - 1] - verify[vertex - 1]) / Double(end - vertex)
                if chord <= slope { (slope, next) = (chord, end) }
            }
            vertex = next
        }
        return max(slope, 0)
    }

    /// Seconds of a draft over so many slots in so many passes.
    func draft(slots: Int, passes: Int = 1) -> Double {
        Self.value(current.draft, slots) + Double(passes - 1) * Self.value(current.furtherPass, slots)
    }

    func observe(verify seconds: Double, rows: Int) {
        guard isMeasured else { return }
        Self.update(&current.verify, rows, seconds / Self.value(current.verify, rows))
    }

    func observe(draft seconds: Double, slots: Int, passes: Int) {
        let ratio = seconds / draft(slots: slots, passes: passes)
        Self.update(&current.draft, slots, ratio)
        if passes > 1 { Self.update(&current.furtherPass, slots, ratio) }
    }

    private static func value(_ curve: [Double], _ count: Int) -> Double {
        guard count > curve.count else { return count < 1 ? 0 : curve[count - 1] }
        let last = curve.count - 1
        return curve[last] + Double(count - curve.count) * (curve[last] - curve[last / 2])
            / Double(max(last - last / 2, 1))
    }

    /// The whole curve goes up or down with a measurement, given as a ratio to what the curve says, and a little more
    /// so the closer to its place: its shape is what decides on the last rows, and one measurement says little of it.
    /// One that is far off says that something else ran.
    private static func update(_ curve: inout [Double], _ count: Int, _ ratio: Double) {
        guard count >= 1, !curve.isEmpty else { return }
        let count = min(count, curve.count)
        let ratio = min(max(ratio, 0.75), 1.33)
        for index in curve.indices {
            let nearness = 1 / Double(1 + abs(index + 1 - count))
            curve[index] *= 1 + rate * (0.8 + 0.2 * nearness) * (ratio - 1)
        }
    }

    /// Straight between what was measured at some counts, and never falling: fewer rows never take longer.
    private static func curve(_ measured: [Int: Double]) -> [Double] {
        var points = measured.sorted { $0.key < $1.key }
        for index in points.indices.dropLast().reversed() {
            points[index].value = min(points[index].value, points[index + 1].value)
        }
        guard let last = points.last else { return [] }
        var curve: [Double] = []
        for (point, next) in zip(points, points.dropFirst()) {
            for count in point.key..<next.key {
                let part = Double(count - point.key) / Double(next.key - point.key)
                curve.append(point.value * (1 - part) + next.value * part)
            }
        }
        return curve + [last.value]
    }

    private static func measure(
        _ verifier: Verifier, rows: Int, _ cache: KVCache
    ) -> (seconds: Double, pass: PassResult) {
        let batch = RowBatch(capacity: rows)
        cache.rollback(to: 0)
        // Different tokens, which different experts of a mixture read, as those of a text are.
        let tokens = (0..<rows).map { Int32($0 * 7919 % verifier.config.vocabulary) }
        batch.append(tokens, to: cache, logits: .likeliest)
        let start = ContinuousClock.now
        let pass = verifier.forward(batch)
        return ((ContinuousClock.now - start) / .seconds(1), pass)
    }

    /// - Returns: seconds of a draft in one pass, and of a further pass: for the absorbing process that over the same
    ///   slots, for others, whose steps between passes take their time too, by drafts in two, over the most slots
    ///   alone.
    private static func measure(
        _ drafter: BlockDiffusionDrafter, after pass: PassResult, slots: Int, most: Int
    ) -> (first: Double, further: Double?) {
        drafter.growth = TreeGrowth(tokens: slots, width: 1, depth: slots)
        drafter.begin([0])
        for _ in 0..<2 { drafter.observe(pass, row: 0) }
        var proposal = Proposal()
        let first = seconds { drafter.propose(maximum: slots, beside: .none, into: &proposal) }
        if drafter.model.config.process == .absorbing {
            return (first, seconds { drafter.propose(maximum: slots, beside: .none, into: &proposal) })
        }
        guard slots == most else { return (first, nil) }
        drafter.growth = nil
        let times = [1, 2].map { passes in
            drafter.passes = passes
            return seconds { drafter.propose(maximum: slots, beside: .none, into: &proposal) }
        }
        return (first, max(times[1] - times[0], 0))
    }

    private static func seconds(_ work: () -> Void) -> Double {
        let start = ContinuousClock.now
        work()
        return (ContinuousClock.now - start) / .seconds(1)
    }
}
