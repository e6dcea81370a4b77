import CKernels
import Speculate
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// Has the verifier read passages and write what follows them, several in every pass.
final class LessonReader {
    /// Passages that are read together.
    static let group = 16

    private let verifier: Verifier
    private let model: BlockDiffusionModel
    private let batch = RowBatch(capacity: Verifier.maximumRows)
    private let draftIndices: [Int32]
    private let random: CounterRandom
    private let width: Int
    private var passages = 0
    private let weights: UnsafeMutablePointer<Float>  // [vocabulary]
    private let sums: UnsafeMutablePointer<Float>
    /// Holds a part of a passage while its blocks are computed.
    private let work: KVCache

    /// - Parameters:
    ///   - draftTokens: what distributions are kept of.
    ///   - longest: tokens of a passage with its continuation at most.
    init(
        _ verifier: Verifier, _ model: BlockDiffusionModel, draftTokens: [Int32], longest: Int, seed: UInt64
    ) throws(OutOfMemory) {
        self.verifier = verifier
        self.model = model
        random = CounterRandom(seed: seed)
        width = model.config.targetLayers.count * model.config.transformer.hidden
        var indices = [Int32](repeating: -1, count: verifier.config.vocabulary)
        for (index, token) in draftTokens.enumerated() { indices[Int(token)] = Int32(index) }
        draftIndices = indices
        work = try model.makeCache(capacity: longest)
        weights = .allocate(capacity: verifier.config.vocabulary)
        sums = .allocate(capacity: verifier.config.vocabulary / Sampler.sumWidth + 1)
    }

    deinit {
        weights.deallocate()
        sums.deallocate()
    }

    /// A passage while it is read.
    final class Reading {
        let passage: Passage
        var tokens: [Int32]
        let cache, injected: KVCache
        var distributions = TargetDistributions()
        var isWriting: Bool
        var loop = TextLoop()
        /// The number that its draws are keyed by.
        let number: Int

        init(_ passage: Passage, _ cache: KVCache, _ injected: KVCache, number: Int) {
            self.passage = passage
            tokens = passage.tokens
            self.cache = cache
            self.injected = injected
            self.number = number
            isWriting = passage.continuation > 0
        }
    }

    /// - Parameters:
    ///   - stride: a block begins at one of so many places.
    ///   - keepsCaches: whether others will draft there again.
    /// - Throws: `EngineError` if memory does not suffice or the verifier's numbers are not finite.
    func read(_ passages: [Passage], stride: Int, keepsCaches: Bool) throws(EngineError) -> [Lesson] {
        var readings: [Reading] = []
        for passage in passages {
            let reading = try begin(passage)
            while try readOn(reading, tokens: Verifier.maximumRows) {}
            if reading.isWriting { chooseNext(reading) }
            readings.append(reading)
        }
        while readings.contains(where: \.isWriting) { try write(readings.filter(\.isWriting)) }
        return readings.map { lesson($0, stride: stride, keepsCache: keepsCaches) }
    }

    /// Takes memory for a passage.
    /// - Throws: `EngineError` if there is not enough.
    func begin(_ passage: Passage) throws(EngineError) -> Reading {
        let capacity = passage.tokens.count + passage.continuation
        defer { passages += 1 }
        do throws(OutOfMemory) {
            return Reading(
                passage, try verifier.makeCache(capacity: capacity), try model.makeCache(capacity: capacity),
                number: passages)
        } catch { throw EngineError(error, path: "") }
    }

    /// Reads the next tokens of a passage, at most so many, in one pass.
    /// - Returns: whether there are more.
    /// - Throws: `EngineError` if the verifier's numbers are not finite.
    func readOn(_ reading: Reading, tokens count: Int) throws(EngineError) -> Bool {
        let (tokens, first, start) = (reading.passage.tokens, reading.passage.first, reading.cache.count)
        let part = tokens[start..<min(start + count, start < first ? first : tokens.count)]
        batch.removeAll()
        batch.append(part, to: reading.cache, logits: start < first ? .none : .all)
        let pass = verifier.forward(batch)
        model.inject(0..<part.count, of: pass, into: reading.injected)
        for index in pass.logitRows.indices { try note(pass, index, reading) }
        return part.endIndex < tokens.count
    }

    /// One pass for the last token of each.
    private func write(_ readings: [Reading]) throws(EngineError) {
        batch.removeAll()
        for reading in readings { batch.append(reading.tokens.suffix(1), to: reading.cache, logits: .last) }
        let pass = verifier.forward(batch)
        for (row, reading) in readings.enumerated() {
            model.inject(row..<row + 1, of: pass, into: reading.injected)
            try note(pass, row, reading)
            chooseNext(reading)
        }
    }

    /// The likeliest tokens after a reading's last one, of the vocabulary, and their logits.
    private var candidates: [(token: Int32, logit: Float)] = []

    private func note(_ pass: PassResult, _ index: Int, _ reading: Reading) throws(EngineError) {
        let logits = pass.logits(index)
        let vocabulary = verifier.config.vocabulary
        guard let best = pass.likeliest(index) else {
            throw EngineError(.runtime, "\(NonFiniteLogits()) in a passage: the checkpoint's weights are damaged")
        }
        verifier.kernels.table.pointee.exponentials(
            logits, Int32(vocabulary), logits[Int(best)], 1, weights, sums)
        var total: Float = 0
        for block in 0..<(vocabulary + Sampler.sumWidth - 1) / Sampler.sumWidth { total += sums[block] }
        let tokens = pass.likeliest(index, count: HeadBatch.width)
        candidates = tokens.map { ($0, logits[Int($0)] - logits[Int(best)]) }
        reading.distributions.append(
            tokens.compactMap { token in
                let draft = draftIndices[Int(token)]
                return draft < 0 ? nil : (draft, weights[Int(token)] / total)
            })
    }

    /// Appends what the verifier writes after the distribution last noted, or ends there: with an end token, or where the
    /// text goes round in circles.
    private func chooseNext(_ reading: Reading) {
        var next = candidates[0].token
        if reading.passage.temperature > 0 {
            let weights = candidates.map { exp(Double($0.logit / reading.passage.temperature)) }
            let position = reading.number * work.capacity + reading.tokens.count
            var left = random.uniform(position: position) * weights.reduce(0, +)
            for (candidate, weight) in zip(candidates, weights) {
                next = candidate.token
                left -= weight
                if left < 0 { break }
            }
        }
        let written = reading.tokens.count - reading.passage.tokens.count
        reading.tokens.append(next)
        reading.isWriting =
            written + 1 < reading.passage.continuation && !verifier.tokenizer.endTokens.contains(next)
            && reading.loop.beyond(with: next) == nil
    }

    func lesson(_ reading: Reading, stride: Int, keepsCache: Bool) -> Lesson {
        let first = reading.passage.first
        // A block begins where at least one token follows.
        let last = min(first + reading.distributions.count - 1, reading.tokens.count - 2)
        let anchors = Array(
            Swift.stride(from: max(first, 1) + (stride > 1 ? reading.number % stride : 0), through: last, by: stride))
        let (drafts, hidden) = (model.config.drafts, model.config.transformer.hidden)
        var trunk: [Float16] = []
        trunk.reserveCapacity(anchors.count * drafts * hidden)
        work.rollback(to: 0)
        var places: [Int] = []
        // The drafter's context ends before the verifier's may.
        for anchor in anchors where anchor + model.config.block <= work.capacity {
            work.adopt(anchor, of: reading.injected)
            let states = UnsafeBufferPointer(
                start: model.trunk(after: reading.tokens[anchor], cache: work), count: drafts * hidden)
            trunk.append(contentsOf: states.lazy.map { Float16($0) })
            places.append(anchor)
        }
        return Lesson(
            tokens: reading.tokens, anchors: places, drafts: drafts, hidden: hidden, first: first,
            reading.distributions, trunk: trunk, cache: keepsCache ? reading.injected : nil)
    }
}
