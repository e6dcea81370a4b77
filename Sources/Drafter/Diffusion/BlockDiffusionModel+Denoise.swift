import CKernels
import SpeculateShared

extension BlockDiffusionModel {
    /// Fills the block's open tokens in `schedule.count + 1` passes, as a `DenoisingPlan` of these values says.
    /// - Parameters:
    ///   - anchor: the sequence's last token, not yet in the cache.
    ///   - observe: called after each pass.
    package func denoise(
        _ block: DraftBlock, anchor: Int32, cache: KVCache, schedule: [Int] = [], order: RevealOrder = .leftToRight,
        sampling: DraftSampling = .greedy, seed: UInt64 = 0, observe: ((DraftBlock) -> Void)? = nil
    ) {
        var plan = DenoisingPlan()
        plan.schedule = schedule
        plan.order = order
        plan.sampling = sampling
        plan.seed = seed
        for number in 0..<plan.passes {
            denoise(block, pass: number, of: plan, anchor: anchor, cache: cache) { observe?(block) }
        }
    }

    /// One pass, from 0 on. After each but the last the process moves the block's states; an absorbing one reveals as
    /// many tokens as the schedule says, in the given order, and these are fixed from then on. The distribution of a
    /// token drawn in the last pass depends only on the states and on the tokens before it (`distribution(at:)`). The
    /// block holds all that one pass leaves to the next; the model may serve others between them.
    /// - Parameter observe: called before the states are moved.
    /// - Returns: what it saw.
    package func denoise<Seen>(
        _ block: DraftBlock, pass number: Int, of plan: DenoisingPlan, anchor: Int32, cache: KVCache,
        observe: () -> Seen
    ) -> Seen {
        precondition((1...config.drafts).contains(block.count))
        let draws = KeyedStateDraws(random: CounterRandom(seed: plan.seed), position: cache.count + 1)
        if number == 0 { weights.process.begin(block, draws) }
        let time = DenoisingStep.time(of: number, among: plan.passes)
        guard number + 1 < plan.passes else {
            pass(block, anchor, cache, plan.sampling, time: time)
            return observe()
        }
        var step = DenoisingStep(
            pass: number, from: time, to: DenoisingStep.time(of: number + 1, among: plan.passes))
        step.target = plan.schedule[number]
        step.order = plan.order
        step.seed = plan.seed
        step.masksAgain = plan.masksAgain
        step.sampler = plan.sampler
        step.isDeterministic = plan.early == .greedy
        let walks = config.process == .absorbing || plan.early == .greedy
        pass(
            block, anchor, cache, walks ? plan.early.keyed(byPass: number) : nil, time: step.from,
            heedsStates: weights.process.isOverruledBySureGuesses)
        let seen = observe()
        let guesses = PassGuesses(model: self, temperature: plan.early.temperature)
        weights.process.step(block, step, guesses, draws)
        return seen
    }

    /// The distribution that the last pass drew the token at `index` from, given the tokens before it and the revealed
    /// ones; nil for a point mass. Valid until the next pass.
    package func distribution(at index: Int, of block: DraftBlock, _ sampling: DraftSampling) -> Proposal.Distribution?
    {
        guard case .random = sampling, !block.isRevealed[index] else { return nil }
        let slot = index + config.firstSlot
        return .weights(
            scratch.distribution + slot * scratch.logitStride, total: scratch.distributionTotals[slot],
            tokens: choices(slot))
    }

    /// The last pass's logits [draft vocabulary] for the token at `index`, including the Markov head's bias.
    package func logits(at index: Int) -> UnsafePointer<Float> {
        UnsafePointer(scratch.logits + (index + config.firstSlot) * scratch.logitStride)
    }

    /// One denoising pass: slots [anchor, token or MASK, ..] → final hidden states → logits → tokens, left to right.
    /// - Parameters:
    ///   - sampling: nil for logits alone.
    ///   - heedsStates: whether the choice of tokens heeds what their own states say.
    func pass(
        _ block: DraftBlock, _ anchor: Int32, _ cache: KVCache, _ sampling: DraftSampling?, time: Double,
        heedsStates: Bool = true
    ) {
        let slots = block.count + config.firstSlot
        lay(slots, anchor, cache) { block.isRevealed[$0] ? block.tokens[$0] : config.maskToken }
        lay(block, time: time)
        // What states are at time 1 is drawn from the prior and says nothing of the tokens.
        let hasEvidence = heedsStates && time < 1 && weights.process.hasEvidence
        guard let sampling, !hasEvidence else {
            pool.run { worker in forward(slots, &worker) }  // logits [slots, draft vocabulary]
            guard let sampling else { return }
            finish(block, time: time)
            return pool.run { worker in walk(block, anchor, cache.count + 1, sampling, &worker) }
        }
        pool.run { worker in
            forward(slots, &worker)  // logits [slots, draft vocabulary]
            if weights.selector == nil {
                walk(block, anchor, cache.count + 1, sampling, &worker)  // tokens, confidences
            } else {
                walkCandidates(block, anchor, cache.count + 1, sampling, &worker)  // tokens
            }
        }
    }

    /// Puts the anchor and the tokens after it into the slots of the next pass.
    func lay(_ slots: Int, _ anchor: Int32, _ cache: KVCache, following: (_ index: Int) -> Int32) {
        scratch.slots[0] = anchor
        for slot in 1..<slots { scratch.slots[slot] = following(slot - 1) }
        batch.removeAll()
        batch.appendBlock(UnsafeBufferPointer(start: scratch.slots, count: slots), to: cache, window: config.window)
    }

    /// The slots' tokens → logits [slots, draft vocabulary], without the Markov head.
    func forward(_ slots: Int, _ worker: inout Worker) {
        embed(slots, &worker)  // x [slots, hidden]
        for index in 0..<config.transformer.layers {
            transformer.forward(layer: index, batch, &worker, before: weights.output.data)  // x [slots, hidden]
        }
        project(slots, &worker)
        selectCandidates(slots, &worker)
    }

    func embed(_ slots: Int, _ worker: inout Worker) {
        switch weights.embedding {
        case .table(let table): transformer.embed(batch, table, &worker)
        case .mapped(let drafted, let projection, let bias, let mask):
            let hidden = config.transformer.hidden
            for slot in worker.share(of: slots) {
                let token = scratch.slots[slot]
                let x = transformer.scratch.x + slot * hidden
                let index = weights.draftIndices[Int(token)]
                if token == config.maskToken {
                    x.update(from: mask, count: hidden)
                } else if index >= 0 {
                    withUnsafePointer(to: drafted) { spk_unpack_row($0, index, x) }
                } else {
                    withUnsafePointer(to: weights.verifierEmbedding) { spk_unpack_row($0, token, x) }
                    let row = scratch.ownEmbedding[worker.index]
                    withUnsafePointer(to: row) { kernels.quantize(x, 0, Int32(hidden), 0, $0) }
                    x.update(from: bias, count: hidden)
                    transformer.multiply(
                        projection, row, 1, 0..<hidden / 16, before: nil, into: x, stride: hidden, accumulating: true)
                }
                if let conditioning = weights.conditioning { condition(slot, on: conditioning, x, worker) }
            }
            transformer.rotate(batch, &worker)
            worker.barrier()
        }
    }

    private func project(_ slots: Int, _ worker: inout Worker) {
        let c = config.transformer
        for slot in worker.share(of: slots) {
            let x = transformer.scratch.x + slot * c.hidden
            let normed = scratch.hidden + slot * c.hidden
            kernels.rms_norm(x, weights.outputNorm, Int32(c.hidden), c.epsilon, normed)
            withUnsafePointer(to: transformer.scratch.hidden) {
                kernels.quantize(normed, 0, Int32(c.hidden), Int32(slot), $0)
            }
        }
        worker.barrier()
        let chunk = transformer.panelsPerChunk(weights.output)
        worker.forEachChunk(of: scratch.logitStride / 16, chunk: chunk) { panels, next in
            transformer.multiply(
                weights.output, transformer.scratch.hidden, slots, panels,
                before: next.map { weights.output.panel($0.lowerBound) }, into: scratch.logits,
                stride: scratch.logitStride)
        }
        worker.barrier()
    }

    /// Chooses the tokens from left to right: the Markov head adds a bias to each token's logits, depending on the
    /// previous token. Every worker sees the same tokens and computes its share of the logits.
    private func walk(
        _ block: DraftBlock, _ anchor: Int32, _ position: Int, _ sampling: DraftSampling, _ worker: inout Worker
    ) {
        var previous = anchor
        for index in 0..<block.count {
            let slot = index + config.firstSlot
            let logits = scratch.logits + slot * scratch.logitStride
            embedPrevious(previous, worker)
            if worker.index == 0, !block.isRevealed[index] {
                block.confidences[index] = confidence(slot, given: scratch.previous)
            }
            let share = worker.share(of: draftVocabulary, unit: 16)
            addMarkov(to: logits, share, worker)
            let best = scratch.best + index * worker.count
            best[worker.index] = likeliest(logits, share)
            worker.barrier()
            if worker.index == 0 {
                let likeliest = likeliest(logits, among: best, worker.count)
                choose(block, index, logits, likeliest: likeliest, position + index, sampling)
            }
            worker.barrier()
            previous = block.tokens[index]
        }
    }

    /// The likeliest token in a worker's share of the logits; −1 if the share is empty.
    func likeliest(_ logits: UnsafePointer<Float>, _ share: Range<Int>) -> Int32 {
        share.isEmpty ? -1 : Int32(share.lowerBound) + kernels.argmax(logits + share.lowerBound, Int32(share.count))
    }

    /// The likeliest of the tokens that the workers found in their shares, the lowest among equals.
    func likeliest(_ logits: UnsafePointer<Float>, among best: UnsafePointer<Int32>, _ workers: Int) -> Int32 {
        var likeliest: Int32 = -1
        for worker in 0..<workers where best[worker] >= 0 {
            if likeliest < 0 || logits[Int(best[worker])] > logits[Int(likeliest)] { likeliest = best[worker] }
        }
        return likeliest
    }

    /// Adds the previous token's Markov bias to the worker's share of the logits.
    func addMarkov(to logits: UnsafeMutablePointer<Float>, _ share: Range<Int>, _ worker: Worker) {
        guard let markov = weights.markov else { return }
        transformer.multiply(
            markov.output, scratch.ownPrevious[worker.index], 1, share.lowerBound / 16..<(share.upperBound + 15) / 16,
            before: nil, into: logits, stride: scratch.logitStride, accumulating: true)
    }

    /// Unpacks the previous token's Markov embedding into the worker's own copy.
    func embedPrevious(_ token: Int32, _ worker: Worker) {
        guard let markov = weights.markov else { return }
        let rank = markov.embedding.inputs
        let previous = scratch.previous + worker.index * Int(rank)
        withUnsafePointer(to: markov.embedding) { spk_unpack_row($0, token, previous) }
        withUnsafePointer(to: scratch.ownPrevious[worker.index]) { kernels.quantize(previous, 0, rank, 0, $0) }
    }

    /// - Parameter previous: what the Markov head or the selector reads of the token before.
    func confidence(_ slot: Int, given previous: UnsafePointer<Float>) -> Float {
        guard let head = weights.confidence else { return 1 }
        let hidden = config.transformer.hidden
        let rank = Int(weights.selector?.predecessor.inputs ?? weights.markov?.embedding.inputs ?? 0)
        let x = scratch.hidden + slot * hidden
        var sum = head.bias
        for i in 0..<hidden { sum += head.weight[i] * x[i] }
        for i in 0..<rank { sum += head.weight[hidden + i] * previous[i] }
        return 1 / (1 + exp(-sum))
    }

    /// - Parameter logits: of the slot's choices, the likeliest of which is known.
    func choose(
        _ block: DraftBlock, _ index: Int, _ logits: UnsafePointer<Float>, likeliest: Int32, _ position: Int,
        _ sampling: DraftSampling
    ) {
        guard !block.isRevealed[index] else { return }
        let slot = index + config.firstSlot
        let (token, total) = DraftChoice(
            logits: logits, tokens: choices(slot), likeliest: likeliest,
            distribution: scratch.distribution + slot * scratch.logitStride, partialSums: scratch.partialSums
        ).choose(sampling, position: position, index: index, kernels)
        block.tokens[index] = token
        scratch.distributionTotals[slot] = total
    }
}
