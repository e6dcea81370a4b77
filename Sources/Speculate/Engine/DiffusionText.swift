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
    private var plan = DenoisingPlan()
    /// Of those over the block that is being written.
    private var pass = 0
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

    /// Makes the next pass over a block; after the last one the block is written.
    /// - Returns: why the text ends with it; nil if it does not.
    /// - Throws: `EngineError` where the drafter's weights give no numbers.
    func advance(_ onStep: (DiffusionStep) -> Void) throws(EngineError) -> CompletionResult.FinishReason? {
        if pass == 0 { begin() }
        var step = model.denoise(block, pass: pass, of: plan, anchor: anchor, cache: context.drafterCache) {
            self.step(pass, of: plan.passes)
        }
        passes += 1
        guard step.tokens.allSatisfy(\.certainty.isFinite) else {
            throw EngineError(.runtime, "\(NonFiniteLogits()) in a block: the drafter's weights are damaged")
        }
        pass = (pass + 1) % plan.passes
        guard pass == 0 else {
            onStep(step)
            return nil
        }
        let (added, ending) = keep()
        step.text = added
        onStep(step)
        return ending
    }

    private func begin() {
        if blocks == 0 { start = .now }
        let config = model.config
        let count = min(config.drafts, limit - tokens.count)
        plan.sampler = request.sampler
        plan.schedule =
            config.process == .absorbing && plan.sampler == nil
            ? (request.reveals ?? .linear).targets(passes: min(request.steps, count), count: count)
            : Array(repeating: count, count: request.steps - 1)
        plan.order = request.order ?? .confidence
        plan.seed = CounterRandom(seed: request.seed).seed(ofPart: blocks)
        let temperature = request.temperature ?? config.process.temperature(by: request.sampler)
        plan.sampling =
            SamplingOptions(temperature: temperature).isGreedy
            ? .greedy : .random(temperature: temperature, seed: plan.seed)
        plan.early = plan.sampling
        plan.masksAgain = request.masksAgain
        block.reset(count: count)
    }

    /// Takes a finished block over into the text.
    /// - Returns: what it adds, and why the text ends with it; nil if it does not.
    private func keep() -> (String, CompletionResult.FinishReason?) {
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
        return (added, ending)
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
                isSettled: isLast || block.isRevealed[index])
        }
        return DiffusionStep(block: blocks, pass: pass, passes: passes, tokens: shown)
    }

    func result(_ reason: CompletionResult.FinishReason) -> DiffusionResult {
        DiffusionResult(
            text: text, tokens: tokens, blocks: blocks, passes: passes, finishReason: reason,
            duration: ContinuousClock.now - start)
    }
}
