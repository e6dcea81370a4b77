import CKernels
import SpeculateShared

/// EAGLE-3 (Li et al. 2025): one causal layer that drafts token by token. A row is a token and a hidden state g: what the verifier's
/// hidden states say of the tokens before it, or, further on, what the layer made of the row before. The row of a token
/// stands at the position of the token before it.
///
/// Must not be called from two threads at once: all calls share the scratch memory.
package final class EagleModel {
    package let config: EagleConfig
    let weights: EagleWeights
    private let transformer: Transformer
    private let scratch: EagleScratch
    private let pool: WorkerPool
    /// Whose embedding and head may be this model's too.
    private let target: TargetModel
    private let batch = RowBatch(capacity: EagleScratch.rows)
    private var hidden: Int { config.transformer.hidden }
    private var kernels: spk_kernels { transformer.kernels.table.pointee }

    /// - Parameter target: what is drafted for; it taps `config.taps(verifierLayers:)`.
    /// - Throws: `CheckpointError` saying why the drafter does not fit its verifier, or naming what is wrong in the
    ///   file; `OutOfMemory`.
    package init(_ checkpoint: Checkpoint, _ config: EagleConfig, for target: TargetModel) throws {
        try config.check(against: target)
        precondition(try! target.taps == config.taps(verifierLayers: target.config.layers))
        self.config = config
        self.target = target
        pool = target.pool
        let weights = try EagleWeights(checkpoint, config, target)
        self.weights = weights
        transformer = try Transformer(
            config.transformer, EagleConfig.family, weights.layers, heads: [weights.output], kernels: target.kernels,
            rows: EagleScratch.rows, workers: pool.count, ropeFactors: weights.ropeFactors)
        scratch = try Arena.fitting { [workers = pool.count] in
            EagleScratch(config, weights, workers: workers, in: $0)
        }
    }

    /// The number of tokens that can be drafted.
    package var draftVocabulary: Int { weights.draftTokens.count }

    /// Makes a cache for one sequence of up to `capacity` tokens followed by a draft, within the drafter's context.
    package func makeCache(capacity: Int) throws(OutOfMemory) -> KVCache {
        try KVCache(config.transformer, capacity: capacity + EagleConfig.drafts)
    }

    /// Appends rows to the cache.
    /// - Parameters:
    ///   - tokens: of the rows.
    ///   - features: the verifier's hidden states of the tokens before them, [tokens, taps, target hidden].
    ///   - hiddenState: takes what the layer makes of the last row, [hidden].
    package func read(
        _ tokens: ArraySlice<Int32>, _ features: UnsafePointer<Float>, into cache: KVCache,
        hiddenState: UnsafeMutablePointer<Float>
    ) {
        var features = features
        for start in stride(from: tokens.startIndex, to: tokens.endIndex, by: EagleScratch.rows) {
            let rows = tokens[start..<min(start + EagleScratch.rows, tokens.endIndex)]
            batch.removeAll()
            batch.append(rows, to: cache, logits: .none)
            pool.run { worker in
                fuse(features, rows.count, &worker)  // x [rows, hidden]
                forward(rows, &worker)  // x [rows, hidden]
            }
            batch.commit()
            features += rows.count * config.featureWidth
            hiddenState.update(from: transformer.scratch.x + (rows.count - 1) * hidden, count: hidden)
        }
    }

    /// Appends the row of a drafted token, whose hidden state is what the layer made of the row before, and replaces that.
    package func advance(_ token: Int32, into cache: KVCache, hiddenState: UnsafeMutablePointer<Float>) {
        batch.removeAll()
        batch.append(CollectionOfOne(token), to: cache, logits: .none)
        transformer.scratch.x.update(from: hiddenState, count: hidden)
        pool.run { worker in
            transformer.rotate(batch, &worker)
            forward([token], &worker)
        }
        batch.commit()
        hiddenState.update(from: transformer.scratch.x, count: hidden)
    }

    /// Chooses the token that follows a row.
    /// - Parameters:
    ///   - index: the token's in the draft, below `EagleConfig.drafts`.
    ///   - position: the token's in the sequence.
    /// - Returns: the token, and the distribution that it was drawn from, valid until the next one at this index.
    package func predict(
        _ hiddenState: UnsafePointer<Float>, index: Int, position: Int, _ sampling: DraftSampling
    ) -> (token: Int32, distribution: Proposal.Distribution) {
        pool.run { worker in
            if worker.index == 0 {
                transformer.normalize(hiddenState, weights.outputNorm, into: transformer.scratch.hidden, 0, worker)
            }
            worker.barrier()
            let output = weights.output
            worker.forEachChunk(of: scratch.logitStride / 16, chunk: transformer.panelsPerChunk(output)) {
                panels, next in
                transformer.multiply(
                    output, transformer.scratch.hidden, 1, panels, before: next.map { output.panel($0.lowerBound) },
                    into: scratch.logits, stride: scratch.logitStride)
            }
            worker.barrier()
        }
        let weighed = scratch.distributions + index * scratch.logitStride
        let (token, total) = DraftChoice(
            logits: scratch.logits, tokens: weights.draftTokens,
            likeliest: kernels.argmax(scratch.logits, Int32(draftVocabulary)), distribution: weighed,
            partialSums: scratch.partialSums
        ).choose(sampling, position: position, index: index, kernels)
        guard case .random = sampling else { return (token, .point(token)) }
        return (token, .weights(weighed, total: total, tokens: weights.draftTokens))
    }

    /// x = fc · [the taps' hidden states of each row], its rotation beside it.
    private func fuse(_ features: UnsafePointer<Float>, _ count: Int, _ worker: inout Worker) {
        let width = config.featureWidth
        let normed = scratch.normedFeatures + worker.index * width
        let (fusion, quantised) = (weights.fusion, scratch.features)
        for row in worker.share(of: count) {
            let x = features + row * width
            if let norm = weights.featureNorm {
                kernels.rms_norm(x, norm, Int32(width), config.transformer.epsilon, normed)
            }
            let input = weights.featureNorm == nil ? x : UnsafePointer(normed)
            withUnsafePointer(to: quantised) { kernels.quantize(input, 0, Int32(width), Int32(row), $0) }
        }
        transformer.rotate(batch, &worker)
        worker.barrier()
        worker.forEachChunk(of: Int(fusion.outputs) / 16, chunk: 2) { panels, next in
            transformer.multiply(
                fusion, quantised, count, panels, before: next.map { fusion.panel($0.lowerBound) },
                into: transformer.scratch.x, stride: hidden)
        }
        worker.barrier()
    }

    /// x = the layer's output for rows of these tokens and the hidden states in x, [rows, hidden].
    private func forward(_ tokens: some RandomAccessCollection<Int32>, _ worker: inout Worker) {
        let (c, embedding, inputs) = (config.transformer, weights.embedding, scratch.inputs)
        let joined = scratch.joined + worker.index * 2 * hidden
        for row in worker.share(of: tokens.count) {
            let x = transformer.scratch.x + row * hidden
            let token = tokens[tokens.index(tokens.startIndex, offsetBy: row)]
            withUnsafePointer(to: embedding) { spk_unpack_row($0, token, joined) }
            kernels.rms_norm(joined, weights.embeddingNorm, Int32(hidden), c.epsilon, joined)
            kernels.rms_norm(x, weights.hiddenStateNorm, Int32(hidden), c.epsilon, joined + hidden)
            if config.normsResidual { x.update(from: joined + hidden, count: hidden) }
            withUnsafePointer(to: inputs) { kernels.quantize(joined, 0, Int32(2 * hidden), Int32(row), $0) }
        }
        worker.barrier()
        transformer.forward(layer: 0, attending: inputs, batch, &worker, before: weights.output.data)
    }
}
