import CKernels
import SpeculateShared

/// An autoregressive transformer of the Llama family. `forward` runs any rows of any sequences in one pass; the numbers
/// of a row do not depend, to the bit, on what else is in the pass or on how many workers share it.
///
/// Not to be called from two threads at once: the scratch memory is one.
package final class Verifier {
    /// The most rows of one pass.
    package static let maximumRows = 512

    package let config: TransformerConfig
    package let tokenizer: Tokenizer
    /// Layers whose output, the residual stream after them, is kept for a drafter.
    package let taps: [Int]
    package let cacheFormat: KVFormat
    package let kernels: Kernels
    package let pool: WorkerPool
    package let transformer: Transformer
    let weights: VerifierWeights
    let tapped: UnsafeMutablePointer<Float>  // [rows, taps, hidden]
    let headInput: spk_activations  // [logit rows, hidden]
    let logits: UnsafeMutablePointer<Float>  // [logit rows, logitStride]
    let search: LikeliestSearch?
    /// What found the likeliest tokens of the last pass; nil where all logits were computed.
    var searched: LikeliestSearch?
    let logitStride: Int
    private let arena: Arena

    /// - Parameter progress: called with the fraction of the weights that is loaded, 0 to 1.
    /// - Throws: `CheckpointError` when the checkpoint is not a model that this engine computes, `OutOfMemory`.
    package convenience init(
        _ checkpoint: Checkpoint, taps: [Int] = [], cacheFormat: KVFormat = .f16, kernels: Kernels, pool: WorkerPool,
        progress: ((Double) -> Void)? = nil
    ) throws {
        let tokenizer = try Tokenizer(checkpoint.metadata)
        let config = try VerifierArchitecture(checkpoint.metadata)
            .config(checkpoint.metadata, vocabulary: tokenizer.vocabularySize)
        let weights = try VerifierWeights(checkpoint, config, pool: pool, progress: progress)
        try self.init(config, weights, tokenizer, taps: taps, cacheFormat: cacheFormat, kernels: kernels, pool: pool)
    }

    private init(
        _ config: TransformerConfig, _ weights: VerifierWeights, _ tokenizer: Tokenizer, taps: [Int],
        cacheFormat: KVFormat, kernels: Kernels, pool: WorkerPool
    ) throws(OutOfMemory) {
        precondition(taps.allSatisfy { (0..<config.layers).contains($0) })
        self.config = config
        self.tokenizer = tokenizer
        self.weights = weights
        self.taps = taps
        self.cacheFormat = cacheFormat
        self.kernels = kernels
        self.pool = pool
        let transformer = try Transformer(
            config, weights.layers, head: nil, kernels: kernels, rows: Self.maximumRows, workers: pool.count,
            ropeFactors: weights.ropeFactors)
        self.transformer = transformer
        logitStride = weights.output.panels * Int(SPK_LANES)
        let tappedFloats = Self.maximumRows * taps.count * config.hidden
        let logitFloats = Self.maximumRows * logitStride
        let inputBytes = spk_activations_bytes(Int32(Self.maximumRows), Int32(config.hidden))
        arena = try Arena(
            capacity: Arena.size(tappedFloats * 4) + Arena.size(logitFloats * 4) + Arena.size(inputBytes))
        tapped = arena.allocate(count: tappedFloats)
        logits = arena.allocate(count: logitFloats)
        headInput = spk_activations_in(
            arena.allocate(bytes: inputBytes), Int32(Self.maximumRows), Int32(config.hidden),
            weights.output.reader | (weights.outputBound?.matrix.reader ?? 0))
        let headInput = headInput
        search = try weights.outputBound.map { bound throws(OutOfMemory) in
            try LikeliestSearch(weights.output, bound: bound.matrix, headInput, transformer)
        }
    }

    /// The same weights with scratch memory and workers of its own.
    package func sibling(
        pool: WorkerPool, kernels: Kernels? = nil, taps: [Int]? = nil, cacheFormat: KVFormat? = nil
    ) throws(OutOfMemory) -> Verifier {
        try Verifier(
            config, weights, tokenizer, taps: taps ?? self.taps, cacheFormat: cacheFormat ?? self.cacheFormat,
            kernels: kernels ?? self.kernels, pool: pool)
    }

    /// Memory that so many tokens take in a cache.
    package func cacheBytes(_ tokens: Int) -> Int {
        2 * config.layers * config.kvHeads * cacheFormat.blockBytes(headDimension: config.headDimension) * tokens / 16
    }

    package func makeCache(capacity: Int? = nil) throws(OutOfMemory) -> KVCache {
        try KVCache(config, capacity: capacity ?? config.context, format: cacheFormat)
    }

    /// After `forward`: the logits of the batch's i-th row that asked for them, [vocabulary]. A batch that asked for
    /// likeliest tokens alone has none.
    package func logits(_ index: Int) -> UnsafePointer<Float> {
        precondition(searched == nil)
        return UnsafePointer(logits + index * logitStride)
    }

    /// After `forward`: the token with the greatest logit in the batch's i-th row that asked for any, the lowest of equals;
    /// nil when that logit is not a finite number.
    package func likeliest(_ index: Int) -> Int32? {
        if let searched { return searched.likeliest(index) }
        return kernels.table.pointee.likeliest(logits(index), config.vocabulary)
    }

    /// After `forward`: what the taps saw of row `row`, [taps, hidden].
    package func hiddenStates(row: Int) -> UnsafePointer<Float> {
        UnsafePointer(tapped + row * taps.count * config.hidden)
    }

    /// The input embedding, for a drafter without its own.
    package var embedding: spk_matrix { weights.embedding }
    /// The output head, for a drafter without its own.
    package var output: spk_matrix { weights.output }
    /// Names the weights, the same for every quantisation of them, since files keep norms as 32-bit floats: FNV-1a over
    /// the final norm, then each layer's attention and feed-forward norm.
    package var fingerprint: String { weights.fingerprint(config) }
}
