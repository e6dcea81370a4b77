import CKernels
import SpeculateShared
import SpeculateVerifier

/// A masked diffusion model that drafts blocks of tokens: DFlash's trunk (keys and values injected from the verifier's
/// fused hidden states, attention in both directions inside the block) with DSpark's Markov and confidence heads.
///
/// Not to be called from two threads at once: the scratch memory is one.
package final class BlockDiffusionModel {
    package let config: DrafterConfig
    let weights: DrafterWeights
    let transformer: Transformer
    let state: DrafterState
    let pool: WorkerPool
    /// Whose embedding and head are this model's too.
    private let verifier: Verifier
    let batch = RowBatch(capacity: DrafterState.rows)
    var kernels: spk_kernels { transformer.kernels.table.pointee }

    /// - Parameter verifier: taps `config.taps(verifierLayers:)`.
    /// - Throws: `CheckpointError` saying why the drafter does not fit its verifier, or naming what is wrong in the file;
    ///   `OutOfMemory`.
    package init(_ checkpoint: Checkpoint, _ config: DrafterConfig, for verifier: Verifier) throws {
        try config.check(against: verifier)
        precondition(try! verifier.taps == config.taps(verifierLayers: verifier.config.layers))
        self.config = config
        self.verifier = verifier
        pool = verifier.pool
        weights = try DrafterWeights(checkpoint, config, verifier)
        transformer = try Transformer(
            config.transformer, weights.layers, head: weights.output, kernels: verifier.kernels,
            rows: DrafterState.rows, workers: pool.count)
        state = try DrafterState(config, weights, workers: pool.count)
    }

    /// Tokens that can be drafted.
    package var draftVocabulary: Int { weights.draftTokens.count }
    /// The verifier's ids of the tokens that can be drafted.
    package var draftTokens: [Int32] { weights.draftTokens }
    package var hasMarkovHead: Bool { weights.markov != nil }
    package var hasConfidenceHead: Bool { weights.confidence != nil }

    /// A cache for one sequence of up to `capacity` tokens and a block behind them, as far as the drafter's context reaches.
    package func makeCache(capacity: Int) throws(OutOfMemory) -> KVCache {
        try KVCache(config.transformer, capacity: capacity + config.block)
    }

    /// After a pass of the verifier: appends the keys and values of its rows `rows`, the next tokens of the sequence,
    /// to the cache (KV injection).
    package func inject(_ rows: Range<Int>, of verifier: Verifier, into cache: KVCache) {
        inject(verifier.hiddenStates(row: rows.lowerBound), count: rows.count, into: cache)
    }

    /// The same for hidden states [count, taps, hidden].
    package func inject(_ states: UnsafePointer<Float>, count total: Int, into cache: KVCache) {
        for start in stride(from: 0, to: total, by: DrafterState.rows) {
            let count = min(DrafterState.rows, total - start)
            let states = states + start * config.targetLayers.count * config.transformer.hidden
            batch.removeAll()
            batch.append(repeatElement(0, count: count), to: cache, logits: .none)
            pool.run { worker in
                fuse(states, count, &worker)  // x [rows, hidden]
                let fused = transformer.normalize(count, weights.fusionNorm, &worker)  // [rows, hidden]
                for index in 0..<config.transformer.layers { transformer.inject(layer: index, fused, batch, &worker) }
            }
            batch.commit()
        }
    }

    /// x = fc · [the taps' states of each row].
    private func fuse(_ states: UnsafePointer<Float>, _ count: Int, _ worker: inout Worker) {
        let features = state.features
        withUnsafePointer(to: features) { features in
            for row in worker.share(of: count) {
                let inputs = features.pointee.inputs
                kernels.quantize(states + row * Int(inputs), 0, inputs, Int32(row), features)
            }
        }
        transformer.rotate(batch, &worker)
        worker.barrier()
        worker.forEachChunk(of: Int(weights.fusion.outputs) / 16, chunk: 2) { panels, next in
            transformer.multiply(
                weights.fusion, features, count, panels, before: next.map { weights.fusion.panel($0.lowerBound) },
                into: transformer.state.x, stride: config.transformer.hidden)
        }
        worker.barrier()
    }
}
