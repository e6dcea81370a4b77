import CKernels
import SpeculateShared

/// Scratch memory of a drafter's passes, beside its transformer's.
final class DrafterScratch {
    /// Rows of one injecting pass.
    static let rows = 128

    let features: spk_activations  // [rows, taps · hidden]
    let hidden: UnsafeMutablePointer<Float>  // [block, hidden] final normalised hidden states
    let logits: UnsafeMutablePointer<Float>  // [block, logitStride]
    let logitStride: Int
    let distribution: UnsafeMutablePointer<Float>  // [block, logitStride] weights that tokens are drawn from
    let distributionTotals: UnsafeMutablePointer<Double>  // [block] sums of those
    let branch: UnsafeMutablePointer<Float>  // [logitStride] logits after one node of a tree
    let partialSums: UnsafeMutablePointer<Float>  // [logitStride / 256 + 1]
    let previous: UnsafeMutablePointer<Float>  // [workers, rank]
    let ownPrevious: [spk_activations]  // [workers] of [1, rank]
    let ownEmbedding: [spk_activations]  // [workers] of [1, hidden]
    let best: UnsafeMutablePointer<Int32>  // [block, workers] each worker's likeliest token
    let slots: UnsafeMutablePointer<Int32>  // [block]
    private let arena: Arena

    init(_ config: DrafterConfig, _ weights: DrafterWeights, workers: Int, in arena: Arena) {
        self.arena = arena
        let width = config.transformer.hidden
        let rank = max(weights.markov.map { Int($0.embedding.inputs) } ?? 0, 32)
        logitStride = (weights.draftTokens.count + 15) / 16 * 16
        features = arena.activations(
            rows: Self.rows, inputs: config.targetLayers.count * width, readers: weights.fusion.reader)
        hidden = arena.allocate(count: config.block * width)
        logits = arena.allocate(count: config.block * logitStride)
        distribution = arena.allocate(count: config.block * logitStride)
        distributionTotals = arena.allocate(count: config.block)
        branch = arena.allocate(count: logitStride)
        partialSums = arena.allocate(count: logitStride / Sampler.sumWidth + 1)
        previous = arena.allocate(count: workers * rank)
        best = arena.allocate(count: config.block * workers)
        slots = arena.allocate(count: config.block)
        ownPrevious = (0..<workers).map { _ in
            arena.activations(rows: 1, inputs: rank, readers: weights.markov?.output.reader ?? 0)
        }
        ownEmbedding = (0..<workers).map { _ in
            arena.activations(rows: 1, inputs: width, readers: weights.embedding.projection?.reader ?? 0)
        }
    }
}
