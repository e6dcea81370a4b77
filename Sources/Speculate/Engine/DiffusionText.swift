import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// A text while it is written by diffusion alone. Used on the engine's thread.
final class DiffusionText {
    /// Prompt tokens that are read in one go.
    private static let prefillRows = 64

    private let request: DiffusionRequest
    private let verifier: Verifier
    private let model: BlockDiffusionModel
    private let context: DiffusionContext
    private let block = DraftBlock()
    private let limit: Int
    /// Of the prompt, not yet read.
    private var unread: ArraySlice<Int32>
    private var start = ContinuousClock.now
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
        context = try DiffusionContext(verifier, model, capacity: prompt.count + limit)
        anchor = prompt[prompt.count - 1]
        unread = prompt.dropLast()
    }

    /// Reads a part of what of the prompt is not yet read; false if nothing is left.
    func readNext() -> Bool {
        guard !unread.isEmpty else { return false }
        context.read(unread.prefix(Self.prefillRows))
        unread = unread.dropFirst(Self.prefillRows)
        return true
    }

    /// Writes the next block; when the task is cancelled between two passes, none.
    /// - Returns: why the text ends with it; nil if it does not.
    /// - Throws: `EngineError` where the drafter's weights give no numbers.
    func writeBlock(
        _ onStep: @escaping (DiffusionStep) -> Void
    ) throws(EngineError) -> CompletionResult.FinishReason? {
        if blocks == 0 { start = .now }
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
            block, anchor: anchor, cache: context.drafterCache, schedule: schedule, order: request.order ?? .confidence,
            sampling: sampling, early: sampling, seed: seed, masksAgain: request.masksAgain
        ) { _ in
            let step = self.step(steps.count, of: schedule.count + 1)
            steps.append(step)
            guard step.tokens.allSatisfy(\.certainty.isFinite) else { return false }
            if steps.count <= schedule.count { onStep(step) }
            return !Task.isCancelled
        }
        passes += steps.count
        guard steps.allSatisfy({ $0.tokens.allSatisfy(\.certainty.isFinite) }) else {
            throw EngineError(.runtime, "\(NonFiniteLogits()) in a block: the drafter's weights are damaged")
        }
        guard steps.count == schedule.count + 1 else { return .cancelled }
        var kept: [Int32] = []
        var ending: CompletionResult.FinishReason?
        for token in block.tokens where ending == nil {
            kept.append(token)
            if verifier.tokenizer.endTokens.contains(token) { ending = .endOfText }
        }
        if ending == nil, tokens.count + kept.count >= limit { ending = .length }
        var added = ""
        for token in kept {
            if verifier.tokenizer.kinds[Int(token)] != .control, !verifier.tokenizer.endTokens.contains(token) {
                added += decoder.append(verifier.tokenizer.bytes(of: token, at: .after(tokens.last ?? anchor)))
            }
            tokens.append(token)
        }
        if ending != nil { added += decoder.finish() }
        if ending == nil {
            context.read([anchor] + kept.dropLast())
            anchor = kept[kept.count - 1]
        }
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
        let tokenizer = verifier.tokenizer
        var previous = tokens.last ?? anchor
        let shown = (0..<block.count).map { index in
            let (token, certainty) = model.outcome(at: index, of: block, isLast: isLast)
            let bytes = tokenizer.kinds[Int(token)] == .control ? [] : tokenizer.bytes(of: token, at: .after(previous))
            previous = token
            return DiffusionStep.Token(
                text: String(decoding: bytes, as: UTF8.self), certainty: certainty,
                isSettled: isLast || block.isRevealed[index] && !request.masksAgain)
        }
        return DiffusionStep(block: blocks, pass: pass, passes: passes, tokens: shown)
    }

    func result(_ reason: CompletionResult.FinishReason) -> DiffusionResult {
        DiffusionResult(
            text: text, tokens: tokens, blocks: blocks, passes: passes, finishReason: reason,
            duration: ContinuousClock.now - start)
    }
}
