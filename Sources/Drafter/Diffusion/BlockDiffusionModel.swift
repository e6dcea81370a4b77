import CKernels
import SpeculateShared

/// A masked diffusion model that drafts blocks of tokens: DFlash's trunk (keys and values injected from the verifier's
/// fused hidden states, bidirectional attention within the block) with DSpark's Markov and confidence heads.
///
/// Must not be called from two threads at once: all calls share the scratch memory.
package final class BlockDiffusionModel {
    package let config: DrafterConfig
    let weights: DrafterWeights
    let transformer: Transformer
    let scratch: DrafterScratch
    let pool: WorkerPool
    /// Whose embedding and head may be this model's too.
    private let target: TargetModel
    /// Of a block that a tree is grown from.
    let treeBlock = DraftBlock()
    let batch = RowBatch(capacity: DrafterScratch.rows)
    var kernels: spk_kernels { transformer.kernels.table.pointee }

    /// - Parameter target: what is drafted for; it taps `config.taps(verifierLayers:)`.
    /// - Throws: `CheckpointError` saying why the drafter does not fit its verifier, or naming what is wrong in the
    ///   file; `OutOfMemory`.
    package init(_ checkpoint: Checkpoint, _ config: DrafterConfig, for target: TargetModel) throws {
        try config.check(against: target)
        precondition(try! target.taps == config.taps(verifierLayers: target.config.layers))
        self.config = config
        self.target = target
        pool = target.pool
        let weights = try DrafterWeights(checkpoint, config, target)
        self.weights = weights
        transformer = try Transformer(
            config.transformer, config.family, weights.layers,
            heads: [weights.output] + (weights.selector.map { [$0.gate] } ?? []), kernels: target.kernels,
            rows: DrafterScratch.rows, workers: pool.count, ropeFactors: weights.ropeFactors)
        scratch = try Arena.fitting { [workers = pool.count] in
            DrafterScratch(config, weights, workers: workers, in: $0)
        }
    }

    /// The number of tokens that can be drafted.
    package var draftVocabulary: Int { weights.draftTokens.count }
    /// The verifier's ids of the tokens that can be drafted.
    package var draftTokens: [Int32] { weights.draftTokens }

    /// Makes a cache for one sequence of up to `capacity` tokens followed by a block, within the drafter's context.
    package func makeCache(capacity: Int) throws(OutOfMemory) -> KVCache {
        try KVCache(config.transformer, capacity: capacity + config.block)
    }

    /// Appends the keys and values of rows of a pass, the next tokens of the sequence, to the cache (KV injection).
    package func inject(_ rows: Range<Int>, of pass: PassResult, into cache: KVCache) {
        precondition(rows.upperBound <= pass.hiddenStates.rowCount)
        inject(pass.hiddenStates[rows.lowerBound].baseAddress!, count: rows.count, into: cache)
    }

    /// Injects hidden states [count, taps, hidden].
    package func inject(_ hiddenStates: UnsafePointer<Float>, count total: Int, into cache: KVCache) {
        for start in stride(from: 0, to: total, by: DrafterScratch.rows) {
            let count = min(DrafterScratch.rows, total - start)
            let hiddenStates = hiddenStates + start * config.targetLayers.count * config.transformer.hidden
            batch.removeAll()
            batch.append(repeatElement(0, count: count), to: cache, logits: .none)
            pool.run { worker in
                fuse(hiddenStates, count, &worker)  // x [rows, hidden]
                let fused = transformer.normalize(count, weights.fusionNorm, &worker)  // [rows, hidden]
                for index in 0..<config.transformer.layers { transformer.inject(layer: index, fused, batch, &worker) }
            }
            batch.commit()
        }
    }

    /// x = fc · [the taps' hidden states of each row].
    private func fuse(_ hiddenStates: UnsafePointer<Float>, _ count: Int, _ worker: inout Worker) {
        let features = scratch.features
        withUnsafePointer(to: features) { features in
            for row in worker.share(of: count) {
                let inputs = features.pointee.inputs
                kernels.quantize(hiddenStates + row * Int(inputs), 0, inputs, Int32(row), features)
            }
        }
        transformer.rotate(batch, &worker)
        worker.barrier()
        worker.forEachChunk(of: Int(weights.fusion.outputs) / 16, chunk: 2) { panels, next in
            transformer.multiply(
                weights.fusion, features, count, panels, before: next.map { weights.fusion.panel($0.lowerBound) },
                into: transformer.scratch.x, stride: config.transformer.hidden)
        }
        worker.barrier()
    }
}
