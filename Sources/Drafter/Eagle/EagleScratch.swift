import CKernels
import SpeculateShared

/// Scratch memory of a drafter's passes, beside its transformer's.
final class EagleScratch {
    /// Rows of one pass.
    static let rows = 128

    let features: spk_activations  // [rows, taps · target hidden]
    let normedFeatures: UnsafeMutablePointer<Float>  // [workers, taps · target hidden]
    let joined: UnsafeMutablePointer<Float>  // [workers, 2 · hidden]
    let inputs: spk_activations  // [rows, 2 · hidden]
    let logits: UnsafeMutablePointer<Float>  // [logitStride]
    let logitStride: Int
    let distributions: UnsafeMutablePointer<Float>  // [drafts, logitStride] weights that tokens are drawn from
    let partialSums: UnsafeMutablePointer<Float>  // [logitStride / 256 + 1]
    let best: UnsafeMutablePointer<Int32>  // [workers] each worker's likeliest token
    private let arena: Arena

    init(_ config: EagleConfig, _ weights: EagleWeights, workers: Int, in arena: Arena) {
        self.arena = arena
        logitStride = (weights.draftTokens.count + 15) / 16 * 16
        features = arena.activations(rows: Self.rows, inputs: config.featureWidth, readers: weights.fusion.reader)
        normedFeatures = arena.allocate(count: workers * config.featureWidth)
        joined = arena.allocate(count: workers * 2 * config.transformer.hidden)
        inputs = arena.activations(
            rows: Self.rows, inputs: 2 * config.transformer.hidden, readers: weights.layers.attentionReaders(0))
        logits = arena.allocate(count: logitStride)
        distributions = arena.allocate(count: EagleConfig.drafts * logitStride)
        partialSums = arena.allocate(count: logitStride / Sampler.sumWidth + 1)
        best = arena.allocate(count: workers)
    }
}
