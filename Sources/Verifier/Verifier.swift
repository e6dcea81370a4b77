import CKernels
import SpeculateShared

/// An autoregressive transformer. `forward` runs any rows of any sequences in one pass; the numbers of a row do not depend,
/// to the bit, on what else is in the pass or on how many workers share it.
///
/// Not to be called from two threads at once: the scratch memory is one.
package final class Verifier {
    /// The most rows of one pass.
    package static let maximumRows = 512

    package let config: TransformerConfig
    package let tokenizer: Tokenizer
    /// Layers after which the residual stream is kept for a drafter.
    package let taps: [Int]
    package let cacheFormat: KVCacheFormat
    package let kernels: Kernels
    package let pool: WorkerPool
    package let family: ModelFamily
    package let weights: VerifierWeights
    let transformer: Transformer
    let scratch: VerifierScratch
    let search: LikeliestSearch?
    let clock = PassClock()

    /// - Parameters:
    ///   - contextLength: the most tokens of a sequence; nil: see `VerifierWeights`.
    ///   - progress: called with the fraction of the weights that is loaded, 0 to 1.
    /// - Throws: `CheckpointError` when the checkpoint is not a model that this engine computes, `OutOfMemory`.
    package convenience init(
        _ checkpoint: Checkpoint, taps: [Int] = [], cacheFormat: KVCacheFormat = .f16, contextLength: Int? = nil,
        kernels: Kernels, pool: WorkerPool, progress: ((Double) -> Void)? = nil
    ) throws {
        // The family first: who has a file of another one reads about that, not about its tokenizer.
        let family = try ModelFamily.verifier(of: checkpoint.metadata)
        let tokenizer = try Tokenizer(checkpoint.metadata)
        let config = try TransformerConfig(checkpoint.metadata, family, vocabulary: tokenizer.vocabularySize)
        let weights = try VerifierWeights(
            checkpoint, config, family, context: contextLength, pool: pool, progress: progress)
        try self.init(
            family, config, weights, tokenizer, taps: taps, cacheFormat: cacheFormat, kernels: kernels, pool: pool)
    }

    /// Several verifiers may share weights; each has scratch memory of its own.
    package init(
        _ family: ModelFamily, _ config: TransformerConfig, _ weights: VerifierWeights, _ tokenizer: Tokenizer,
        taps: [Int],
        cacheFormat: KVCacheFormat, kernels: Kernels, pool: WorkerPool
    ) throws(OutOfMemory) {
        precondition(taps.allSatisfy { (0..<config.layers).contains($0) })
        self.family = family
        self.config = config
        self.tokenizer = tokenizer
        self.weights = weights
        self.taps = taps
        self.cacheFormat = cacheFormat
        self.kernels = kernels
        self.pool = pool
        transformer = try Transformer(
            config, family, weights.layers, kernels: kernels, rows: Self.maximumRows, workers: pool.count,
            ropeFactors: weights.ropeFactors)
        scratch = try Arena.fitting { VerifierScratch(config, weights, taps: taps.count, in: $0) }
        // A bound on logits is none on what becomes of them.
        search = try (config.scales.logits == 1 ? weights.outputBound : nil).map {
            [transformer, scratch] bound throws(OutOfMemory) in
            try Arena.fitting {
                LikeliestSearch(weights.output, bound: bound.matrix, scratch.headInput, transformer, in: $0)
            }
        }
    }

    /// Memory that so many tokens take in a cache.
    package func cacheBytes(_ tokens: Int) -> Int {
        2 * config.layers * config.kvHeads * cacheFormat.runBytes(headDimension: config.headDimension) * tokens / 16
    }

    package func makeCache(capacity: Int? = nil) throws(OutOfMemory) -> KVCache {
        try KVCache(config, capacity: capacity ?? weights.context, format: cacheFormat)
    }

    /// What a drafter may know of this model and borrow from it.
    package var target: TargetModel {
        TargetModel(
            config: config, taps: taps, tokenizerFingerprint: tokenizer.fingerprint, fingerprint: weights.fingerprint,
            embedding: weights.embedding, output: weights.output, weights: weights, kernels: kernels, pool: pool)
    }
}
