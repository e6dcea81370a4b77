import CKernels
import SpeculateShared

/// Scratch memory of a drafter's passes, beside its transformer's.
final class DrafterState {
    /// Rows of one injecting pass.
    static let rows = 128

    let features: spk_activations  // [rows, taps · hidden]
    let hidden: UnsafeMutablePointer<Float>  // [block, hidden] final normalised states
    let logits: UnsafeMutablePointer<Float>  // [block, logitStride]
    let logitStride: Int
    let distribution: UnsafeMutablePointer<Float>  // [block, logitStride] weights that tokens are drawn from
    let distributionTotals: UnsafeMutablePointer<Double>  // [block] sums of those
    let branch: UnsafeMutablePointer<Float>  // [logitStride] logits after one node of a tree
    let blockSums: UnsafeMutablePointer<Float>  // [logitStride / 256 + 1]
    let previous: UnsafeMutablePointer<Float>  // [workers, rank]
    let ownPrevious: UnsafeMutablePointer<spk_activations>  // [workers] of [1, rank]
    let ownEmbedding: UnsafeMutablePointer<spk_activations>  // [workers] of [1, hidden]
    let best: UnsafeMutablePointer<Int32>  // [block, workers] each worker's likeliest token
    let slots: UnsafeMutablePointer<Int32>  // [block]
    private let arena: Arena

    init(_ config: DrafterConfig, _ weights: DrafterWeights, workers: Int) throws(OutOfMemory) {
        let hiddenSize = config.transformer.hidden
        let inputs = Int32(config.targetLayers.count * hiddenSize)
        let rank = max(weights.markov.map { Int($0.embedding.inputs) } ?? 0, 32)
        logitStride = (weights.draftTokens.count + 15) / 16 * 16
        let featureBytes = spk_activations_bytes(Int32(Self.rows), inputs)
        let ownBytes = spk_activations_bytes(1, Int32(rank))
        let embeddingBytes = spk_activations_bytes(1, Int32(hiddenSize))
        let floats = [
            config.block * hiddenSize, config.block * logitStride, config.block * logitStride, logitStride / 256 + 1,
            workers * rank, logitStride,
        ]
        arena = try Arena(
            capacity: Arena.size(featureBytes) + workers * (Arena.size(ownBytes) + Arena.size(embeddingBytes))
                + floats.reduce(0) { $0 + Arena.size($1 * 4) } + Arena.size(config.block * workers * 4)
                + Arena.size(config.block * 4) + Arena.size(config.block * 8) + 2
                * Arena.size(workers * MemoryLayout<spk_activations>.stride))
        features = spk_activations_in(
            arena.allocate(bytes: featureBytes), Int32(Self.rows), inputs, weights.fusion.reader)
        hidden = arena.allocate(count: floats[0])
        logits = arena.allocate(count: floats[1])
        distribution = arena.allocate(count: floats[2])
        blockSums = arena.allocate(count: floats[3])
        previous = arena.allocate(count: floats[4])
        branch = arena.allocate(count: floats[5])
        best = arena.allocate(count: config.block * workers)
        slots = arena.allocate(count: config.block)
        distributionTotals = arena.allocate(count: config.block)
        ownPrevious = arena.allocate(count: workers)
        ownEmbedding = arena.allocate(count: workers)
        for worker in 0..<workers {
            ownEmbedding[worker] = spk_activations_in(
                arena.allocate(bytes: embeddingBytes), 1, Int32(hiddenSize), weights.embedding.projection?.reader ?? 0)
            ownPrevious[worker] = spk_activations_in(
                arena.allocate(bytes: ownBytes), 1, Int32(rank), weights.markov?.output.reader ?? 0)
        }
    }
}
