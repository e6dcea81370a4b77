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
    let states: UnsafeMutablePointer<Float>  // [block, width of a state]
    let time: UnsafeMutablePointer<Float>  // [features]
    let ownState: [spk_activations]  // [workers] of [1, width of a state]
    let ownTime: [spk_activations]  // [workers] of [1, features]
    /// Floats of one slot's gate.
    let gateStride: Int
    let gates: UnsafeMutablePointer<Float>  // [block, gateStride]
    let chosen: UnsafeMutablePointer<Int32>  // [block, candidates] indices of drafted tokens
    let unary: UnsafeMutablePointer<Float>  // [block, candidates] what their scores are without a token before them
    let condition: UnsafeMutablePointer<Float>  // [2, rank]
    /// [block][candidates] Tokens, ascending; worker 0 alone writes them.
    var candidates: [[Int32]]
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
        let (selector, rank2) = (weights.selector?.count ?? 0, Int(weights.selector?.predecessor.inputs ?? 0))
        gateStride = (rank2 + 15) / 16 * 16
        gates = arena.allocate(count: config.block * gateStride)
        chosen = arena.allocate(count: config.block * selector)
        unary = arena.allocate(count: config.block * selector)
        condition = arena.allocate(count: 2 * rank2)
        let conditioning = weights.conditioning
        let stateWidth = conditioning?.width ?? 0
        states = arena.allocate(count: config.block * stateWidth)
        time = arena.allocate(count: DrafterWeights.Conditioning.timeFeatures)
        ownState =
            conditioning.map { matrices in
                (0..<workers).map { _ in
                    arena.activations(rows: 1, inputs: stateWidth, readers: matrices.stateReaders)
                }
            } ?? []
        ownTime =
            conditioning.map { matrices in
                (0..<workers).map { _ in
                    arena.activations(
                        rows: 1, inputs: DrafterWeights.Conditioning.timeFeatures, readers: matrices.time.reader)
                }
            } ?? []
        candidates = Array(repeating: Array(repeating: 0, count: selector), count: config.block)
        ownPrevious = (0..<workers).map { _ in
            arena.activations(rows: 1, inputs: rank, readers: weights.markov?.output.reader ?? 0)
        }
        ownEmbedding = (0..<workers).map { _ in
            arena.activations(rows: 1, inputs: width, readers: weights.embedding.projection?.reader ?? 0)
        }
    }
}
