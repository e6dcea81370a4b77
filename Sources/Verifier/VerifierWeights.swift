import CKernels
import SpeculateShared

/// A transformer's weights, packed for the kernels. Immutable, shared by every sequence.
package final class VerifierWeights: @unchecked Sendable {
    let embedding: spk_matrix
    let layers: TransformerLayers
    let outputNorm: UnsafePointer<Float>
    /// The embedding itself when the checkpoint ties them.
    let output: spk_matrix
    /// Bounds `output`'s products; nil where its packing has no such bound.
    let outputBound: UpperBits?
    /// What divides each rotation frequency, where the checkpoint has such a tensor (Llama 3's long-context scaling).
    let ropeFactors: UnsafePointer<Float>?
    private let arena: Arena

    /// - Throws: `CheckpointError` naming the tensor that is missing, misshapen or unknown; `OutOfMemory`.
    package init(
        _ checkpoint: Checkpoint, _ config: TransformerConfig, pool: WorkerPool, progress: ((Double) -> Void)? = nil
    ) throws {
        let loader = try WeightLoader(checkpoint, pool: pool, progress: progress)
        let hidden = config.hidden
        embedding = try loader.matrix("token_embd.weight", inputs: hidden, outputs: config.vocabulary)
        outputNorm = try loader.vector("output_norm.weight", count: hidden)
        output =
            loader.contains("output.weight")
            ? try loader.matrix("output.weight", inputs: hidden, outputs: config.vocabulary) : embedding
        outputBound = try UpperBits(of: output, pool: pool)
        let factors = try loader.optionalVector("rope_freqs.weight", count: config.ropeDimensions / 2)
        if let factors, let wrong = (0..<config.ropeDimensions / 2).map({ factors[$0] }).first(where: { $0 <= 0 }) {
            throw CheckpointError.tensor("rope_freqs.weight", "holds \(wrong), expected more than 0")
        }
        ropeFactors = factors
        layers = try TransformerLayers(loader, config)
        try loader.finish()
        arena = loader.arena
    }

    func fingerprint(_ config: TransformerConfig) -> String {
        var norms = [outputNorm]
        for index in 0..<config.layers { norms += [layers[index].attentionNorm, layers[index].feedForwardNorm] }
        var hash = FNV1a.hash("")
        for norm in norms {
            let bytes = UnsafeRawBufferPointer(start: norm, count: config.hidden * MemoryLayout<Float>.stride)
            hash = FNV1a.hash(bytes.bindMemory(to: UInt8.self), after: hash)
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
