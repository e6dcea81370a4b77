import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// A text while it is written by diffusion alone. Used on the engine's thread.
final class DiffusionText {
    private let request: DiffusionRequest
    private let verifier: Verifier
    private let model: BlockDiffusionModel
    private let cache, drafterCache: KVCache
    private let batch = RowBatch(capacity: Verifier.maximumRows)
    private let block = DraftBlock()
    private let limit: Int
    private let start = ContinuousClock.now
    private var decoder = StreamingDecoder()
    private var anchor: Int32
    private var text = ""
    private var tokens: [Int32] = []
    private var blocks = 0
    private var passes = 0

    /// - Parameter limit: tokens that fit, at least 1.
    init(
        _ request: DiffusionRequest, prompt: [Int32], limit: Int, _ verifier: Verifier, _ model: BlockDiffusionModel
    ) throws(OutOfMemory) {
        self.request = request
        self.verifier = verifier
        self.model = model
        self.limit = limit
        cache = try verifier.makeCache(capacity: prompt.count + limit)
        drafterCache = try model.makeCache(capacity: prompt.count + limit)
        anchor = prompt[prompt.count - 1]
        read(prompt.dropLast())
    }

    /// Has the verifier read tokens, whose states the next blocks see.
    private func read(_ tokens: ArraySlice<Int32>) {
        for first in stride(from: tokens.startIndex, to: tokens.endIndex, by: batch.capacity) {
            let rows = tokens[first..<min(first + batch.capacity, tokens.endIndex)]
            batch.removeAll()
            batch.append(rows, to: cache, logits: .none)
            model.inject(0..<rows.count, of: verifier.forward(batch), into: drafterCache)
        }
    }

    /// Writes the next block.
    /// - Returns: why the text ends with it; nil if it does not.
    func writeBlock(_ onStep: @escaping (DiffusionStep) -> Void) -> CompletionResult.FinishReason? {
        let config = model.config
        let count = min(config.drafts, limit - tokens.count)
        let schedule =
            config.process == .absorbing
            ? (request.reveals ?? .linear).targets(passes: min(request.steps, count), count: count)
            : config.schedule(passes: request.steps, count: count)
        let seed = request.seed &+ UInt64(blocks)
        let sampling: DraftSampling =
            SamplingOptions(temperature: request.temperature).isGreedy
            ? .greedy : .random(temperature: request.temperature, seed: seed)
        block.reset(count: count)
        var steps: [DiffusionStep] = []
        model.denoise(
            block, anchor: anchor, cache: drafterCache, schedule: schedule, order: request.order ?? .confidence,
            sampling: sampling, early: sampling, seed: seed, masksAgain: request.masksAgain
        ) { _ in
            let step = self.step(steps.count, of: schedule.count + 1)
            steps.append(step)
            if steps.count <= schedule.count { onStep(step) }
        }
        passes += schedule.count + 1
        var kept: [Int32] = []
        var ending: CompletionResult.FinishReason?
        for token in block.tokens where ending == nil {
            kept.append(token)
            if verifier.tokenizer.endTokens.contains(token) { ending = .endOfText }
        }
        if ending == nil, tokens.count + kept.count >= limit { ending = .length }
        var added = ""
        for token in kept where !verifier.tokenizer.endTokens.contains(token) {
            added += decoder.append(verifier.tokenizer.pieces[Int(token)])
        }
        if ending != nil { added += decoder.finish() }
        if ending == nil {
            read([anchor] + kept.dropLast())
            anchor = kept[kept.count - 1]
        }
        tokens += kept
        text += added
        blocks += 1
        var last = steps[steps.count - 1]
        last.text = added
        onStep(last)
        return ending
    }

    /// The block after a pass.
    private func step(_ pass: Int, of passes: Int) -> DiffusionStep {
        let isLast = pass + 1 == passes
        let shown = (0..<block.count).map { index in
            let token: Int32
            let certainty: Float
            if let choice = known(index, isLast) {
                token = model.draftTokens[choice]
                certainty = model.certainty(of: choice, at: index).probability
            } else {
                let guess = model.certainty(of: nil, at: index)
                (token, certainty) = (model.draftTokens[guess.likeliest], guess.probability)
            }
            return DiffusionStep.Token(
                text: String(decoding: verifier.tokenizer.pieces[Int(token)], as: UTF8.self), certainty: certainty,
                isSettled: isLast || block.isRevealed[index])
        }
        return DiffusionStep(block: blocks, pass: pass, passes: passes, tokens: shown)
    }

    /// What stands at a place after a pass: its token, if the pass filled it in, or its state, if that is one.
    private func known(_ index: Int, _ isLast: Bool) -> Int? {
        if isLast || block.isRevealed[index] || model.config.process == .absorbing {
            return model.choice(of: block.tokens[index])
        }
        return block.states.isEmpty ? nil : Int(block.states[index])
    }

    func result(_ reason: CompletionResult.FinishReason) -> DiffusionResult {
        DiffusionResult(
            text: text, tokens: tokens, blocks: blocks, passes: passes, finishReason: reason,
            duration: ContinuousClock.now - start)
    }
}
