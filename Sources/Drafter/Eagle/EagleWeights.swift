import CKernels
import SpeculateShared

/// An EAGLE-3 drafter's weights, packed for the kernels. Immutable and shared by all sequences.
final class EagleWeights: @unchecked Sendable {
    /// [taps · target hidden], where hidden states are normalised before they are fused.
    let featureNorm: UnsafePointer<Float>?
    let fusion: spk_matrix  // [hidden × taps · target hidden]
    /// The file's own, or the verifier's.
    let embedding: spk_matrix  // [vocabulary × hidden]
    let embeddingNorm: UnsafePointer<Float>
    let hiddenStateNorm: UnsafePointer<Float>
    let layers: TransformerWeights
    let outputNorm: UnsafePointer<Float>
    let output: spk_matrix  // [draft vocabulary × hidden]
    /// The verifier's id of each token that can be drafted; all tokens in order if the file has no list.
    let draftTokens: [Int32]
    let ropeFactors: UnsafePointer<Float>?
    private let arena: Arena

    /// - Throws: `CheckpointError` naming the tensor that is missing, misshapen or unknown; `OutOfMemory`.
    init(_ checkpoint: Checkpoint, _ config: EagleConfig, _ target: TargetModel) throws {
        let loader = try WeightLoader(checkpoint, pool: target.pool)
        let (hidden, vocabulary) = (config.transformer.hidden, config.transformer.vocabulary)
        func borrowed(_ name: String, _ matrix: spk_matrix) throws(CheckpointError) -> spk_matrix {
            guard hidden == target.config.hidden else {
                throw .tensor(
                    name, "is missing, and the verifier's has the width \(target.config.hidden), not \(hidden)")
            }
            return matrix
        }
        featureNorm =
            config.normsFeatures ? try loader.vector("enc.output_norm.weight", count: config.featureWidth) : nil
        fusion = try loader.matrix("fc.weight", inputs: config.featureWidth, outputs: hidden)
        embedding =
            loader.contains("token_embd.weight")
            ? try loader.matrix("token_embd.weight", inputs: hidden, outputs: vocabulary)
            : try borrowed("token_embd.weight", target.embedding)
        hiddenStateNorm = try loader.vector("blk.0.attn_norm_2.weight", count: hidden)
        layers = try TransformerWeights(loader, config.transformer, EagleConfig.family)
        embeddingNorm = layers.attentionNorm(0)
        outputNorm = try loader.vector("output_norm.weight", count: hidden)
        draftTokens =
            loader.contains("d2t") ? try loader.indices("d2t", limit: vocabulary) : (0..<Int32(vocabulary)).map { $0 }
        output =
            loader.contains("output.weight")
            ? try loader.matrix("output.weight", inputs: hidden, outputs: draftTokens.count)
            : try borrowed("output.weight", target.output)
        guard Int(output.outputs) == draftTokens.count else {
            throw CheckpointError("the drafter has a list 'd2t' of tokens, but no 'output.weight' for them")
        }
        ropeFactors = try config.transformer.ropes.first.flatMap { rope throws(CheckpointError) in
            try loader.ropeFactors("rope_freqs.weight", rope)
        }
        try loader.finish()
        arena = loader.arena
    }
}
