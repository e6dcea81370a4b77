import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

extension Engine {
    /// What marks a gap in a prompt's block.
    public static let maskText = "[MASK]"

    /// Drafts one block after the prompt and keeps every step of it, beside what the verifier says of the result.
    ///
    /// A text prompt may end in a block with gaps: from its first `[MASK]` on, each stands for one token to be filled
    /// in, and the text between them stays as it is.
    /// - Parameters:
    ///   - prompt: what the block follows.
    ///   - passes: that denoise the block, 1 to 64.
    ///   - order: which tokens an absorbing process reveals first when there are several passes.
    ///   - seed: of a random order.
    ///   - maximumTokens: of a block without gaps; at most as many as the drafter drafts.
    /// - Throws: `EngineError` when the engine has no block diffusion drafter, or block or order do not fit it.
    public nonisolated func draft(
        _ prompt: CompletionRequest.Prompt, passes: Int = 1, order: RevealOrder = .leftToRight, seed: UInt64 = 0,
        maximumTokens: Int? = nil
    ) async throws(EngineError) -> DraftTrace {
        guard let config = drafterConfig else {
            throw EngineError(.invalidRequest, "there is no block diffusion drafter to show; name one's file")
        }
        guard (1...Self.maximumPasses).contains(passes) else {
            throw EngineError(.invalidRequest, "passes is \(passes), expected 1 to \(Self.maximumPasses)")
        }
        let (prompt, fixed) = try blockPrompt(prompt, drafts: config.drafts)
        guard fixed.isEmpty || config.process.reveals else {
            throw EngineError(
                .invalidRequest,
                "the prompt has gaps and the drafter's process is '\(config.process.rawValue)', expected an absorbing one to fill them"
            )
        }
        guard order == .leftToRight || config.process == .absorbing else {
            throw EngineError(
                .invalidRequest,
                "order is \(order.rawValue), expected left where the drafter's process is '\(config.process.rawValue)', which reveals no tokens by count"
            )
        }
        let most = config.drafts
        let count = fixed.isEmpty ? maximumTokens ?? most : fixed.count
        guard (1...most).contains(count) else {
            throw EngineError(.invalidRequest, "depth is \(count), expected 1 to \(most), what the drafter drafts")
        }
        let request = CompletionRequest(prompt)
        try admission.admit([request])
        defer { admission.release(request.client) }
        let tokens = try await preparation.tokens(of: request, addsBeginToken: true, opensAnswer: true)
        guard tokens.count + count <= self.model.contextLength else {
            throw EngineError(
                .contextOverflow,
                "the prompt's \(tokens.count) tokens and a block of \(count) exceed the context of \(self.model.contextLength)"
            )
        }
        guard tokens.count + config.block <= config.transformer.context else {
            throw EngineError(
                .contextOverflow,
                "the prompt's \(tokens.count) tokens and a block exceed the drafter's context of \(config.transformer.context)"
            )
        }
        return try await denoise(tokens, fixed: fixed, count: count, passes: passes, order: order, seed: seed)
    }

    private func denoise(
        _ tokens: [Int32], fixed: [Int32?], count: Int, passes: Int, order: RevealOrder, seed: UInt64
    ) throws(EngineError) -> DraftTrace {
        let model = drafters.model!.diffusion!  // It has a shape.
        let context: DiffusionContext
        do throws(OutOfMemory) {
            context = try DiffusionContext(verifier, model, capacity: tokens.count + count)
        } catch {
            throw EngineError(error)
        }
        context.read(tokens.dropLast())

        let block = DraftBlock()
        block.reset(count: count)
        for (index, token) in fixed.enumerated() { if let token { block.fix(token, at: index) } }
        let tokenizer = verifier.tokenizer
        let masked = DraftTrace.Pass(
            tokens: (0..<count).map { index in
                let isFixed = block.isRevealed[index]
                return DraftTrace.Token(
                    text: Self.text(block.tokens[index], tokenizer), confidence: block.confidences[index],
                    isRevealed: isFixed, isMasked: !isFixed)
            })
        var steps: [DraftTrace.Pass] = []
        let schedule = model.config.schedule(passes: passes, count: count).filter { target in
            target > fixed.count { $0 != nil }
        }
        model.denoise(
            block, anchor: tokens[tokens.count - 1], cache: context.drafterCache, schedule: schedule, order: order,
            seed: seed
        ) { _ in
            steps.append(Self.picture(block, tokenizer))
        }
        return DraftTrace(
            anchor: text(tokens[tokens.count - 1]), passes: (fixed.isEmpty ? [] : [masked]) + steps,
            verifier: try judge(block, after: tokens[tokens.count - 1], context.cache))
    }

    /// The prompt before the block, and the block's tokens, nil for a gap.
    private nonisolated func blockPrompt(
        _ prompt: CompletionRequest.Prompt, drafts: Int
    ) throws(EngineError) -> (CompletionRequest.Prompt, [Int32?]) {
        guard case .text(let text) = prompt else { return (prompt, []) }
        let parts = text.split(separator: Self.maskText, omittingEmptySubsequences: false)
        guard parts.count > 1 else { return (prompt, []) }
        var fixed: [Int32?] = []
        for part in parts.dropFirst() {
            fixed.append(nil)
            fixed += reader.tokens(within: part, limit: drafts + 1).map { $0 }
        }
        guard fixed.count <= drafts else {
            throw EngineError(
                .invalidRequest,
                "the block from the first \(Self.maskText) on has \(fixed.count) tokens, expected at most \(drafts)")
        }
        return (.text(String(parts[0])), fixed)
    }

    private func judge(
        _ block: DraftBlock, after anchor: Int32, _ cache: KVCache
    ) throws(EngineError) -> [DraftTrace.Judgement] {
        let batch = RowBatch(capacity: block.tokens.count)
        batch.append([anchor] + block.tokens.dropLast(), to: cache, logits: .all)
        let pass = verifier.forward(batch)
        let vocabulary = verifier.config.vocabulary
        var judgements: [DraftTrace.Judgement] = []
        for (index, token) in block.tokens.enumerated() {
            let logits = pass.logits(index)
            guard let likeliest = pass.likeliest(index) else {
                throw EngineError(
                    .runtime, "\(NonFiniteLogits()) in the block: the checkpoint's weights are damaged")
            }
            let total = (0..<vocabulary).reduce(0.0) { $0 + exp(Double(logits[$1] - logits[Int(likeliest)])) }
            judgements.append(
                DraftTrace.Judgement(
                    text: text(likeliest),
                    probabilityOfDraft: Float(exp(Double(logits[Int(token)] - logits[Int(likeliest)])) / total),
                    isAccepted: likeliest == token))
        }
        return judgements
    }

    /// What a pass drafted. To the next one it may look otherwise: noisier, or masked again.
    private static func picture(_ block: DraftBlock, _ tokenizer: Tokenizer) -> DraftTrace.Pass {
        DraftTrace.Pass(
            tokens: (0..<block.count).map { index in
                DraftTrace.Token(
                    text: text(block.tokens[index], tokenizer), confidence: block.confidences[index],
                    isRevealed: block.isRevealed[index], isMasked: false)
            })
    }

    private func text(_ token: Int32) -> String { Self.text(token, verifier.tokenizer) }

    private static func text(_ token: Int32, _ tokenizer: Tokenizer) -> String {
        String(decoding: tokenizer.pieces[Int(token)], as: UTF8.self)
    }
}
