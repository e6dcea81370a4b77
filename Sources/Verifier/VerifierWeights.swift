import CKernels
import SpeculateShared

/// A verifier's weights, packed for the kernels. Immutable, shared by every sequence.
package final class VerifierWeights: @unchecked Sendable {
    let embedding: spk_matrix
    let layers: TransformerWeights
    let outputNorm: UnsafePointer<Float>
    /// The embedding itself when the checkpoint ties them.
    let output: spk_matrix
    /// Bounds `output`'s products; nil where its packing has no such bound.
    let outputBound: UpperBits?
    /// What divides each rotation frequency, where the checkpoint has such a tensor (Llama 3's long-context scaling).
    let ropeFactors: UnsafePointer<Float>?
    /// The most tokens of a sequence.
    package let context: Int
    /// Names the weights, the same for every quantisation of them.
    package let fingerprint: String
    private let arena: Arena

    /// - Parameters:
    ///   - context: the most tokens of a sequence; nil: the model's own limit, or, where longer sequences rotate by other
    ///     factors, as many as short ones have: most texts are short, and those factors are then theirs.
    ///   - progress: called with the fraction of the weights that is loaded, 0 to 1.
    /// - Throws: `CheckpointError` naming the tensor that is missing, misshapen or unknown; `OutOfMemory`.
    package init(
        _ checkpoint: Checkpoint, _ config: TransformerConfig, _ family: ModelFamily, context: Int?, pool: WorkerPool,
        progress: ((Double) -> Void)? = nil
    ) throws {
        let loader = try WeightLoader(checkpoint, pool: pool, progress: progress)
        let hidden = config.hidden
        embedding = try loader.matrix("token_embd.weight", inputs: hidden, outputs: config.vocabulary)
        outputNorm = try loader.vector("output_norm.weight", count: hidden)
        output =
            loader.contains("output.weight")
            ? try loader.matrix("output.weight", inputs: hidden, outputs: config.vocabulary) : embedding
        outputBound = try UpperBits(of: output, pool: pool)
        let short = try checkpoint.shortContext
        self.context = context ?? min(short ?? config.context, config.context)
        ropeFactors = try Self.ropeFactors(loader, config, isLong: self.context > short ?? .max)
        layers = try TransformerWeights(loader, config, family)
        try loader.finish()
        let digits = String(layers.fingerprint(outputNorm, hidden: hidden), radix: 16)
        fingerprint = String(repeating: "0", count: 16 - digits.count) + digits
        arena = loader.arena
    }

    private static func ropeFactors(
        _ loader: WeightLoader, _ config: TransformerConfig, isLong: Bool
    ) throws(CheckpointError) -> UnsafePointer<Float>? {
        guard let rope = config.ropes.first else { return nil }
        var chosen: UnsafePointer<Float>?
        for (name, isChosen) in [("rope_freqs", true), ("rope_factors_long", isLong), ("rope_factors_short", !isLong)] {
            guard let factors = try loader.ropeFactors("\(name).weight", rope) else { continue }
            if isChosen { chosen = factors }
        }
        return chosen
    }
}
