import CKernels
import SpeculateShared

/// A block diffusion drafter's weights, packed for the kernels. Immutable and shared by all sequences.
package final class DrafterWeights: @unchecked Sendable {
    /// The bias that a token adds to the logits of the next one (DSpark): w2 · w1[token].
    struct Markov {
        var embedding: spk_matrix  // [vocabulary × rank]
        var output: spk_matrix  // [draft vocabulary × rank]
    }

    /// Scores pairs of tokens (DFlash 2): softcap(scale · logit) + successor[token] · (predecessor[previous] ⊙ gate ·
    /// hidden).
    struct Selector {
        /// Candidates of a slot.
        var count: Int
        var predecessor: spk_matrix  // [vocabulary × rank]
        var successor: spk_matrix  // [vocabulary, or draft vocabulary × rank]
        /// Whether `successor` has rows for the tokens that can be drafted alone, in their order.
        var isReduced: Bool
        var gate: spk_matrix  // [rank × hidden]
        var logitScale: Float
        /// 0 for none.
        var softcap: Float

        func unary(_ logit: Float) -> Float {
            let scaled = logitScale * logit
            return softcap > 0 ? softcap * Float(tanh(Double(scaled / softcap))) : scaled
        }
    }

    /// Expected acceptance: sigmoid(weight · [hidden state, Markov embedding or what a selector makes of it] + bias).
    struct Confidence {
        var weight: UnsafePointer<Float>  // [hidden + rank]
        var bias: Float
    }

    /// How a slot's token is embedded.
    enum Embedding {
        /// One row per token: the file's own table, or the verifier's.
        case table(spk_matrix)
        /// Tokens that can be drafted and MASK have their own vectors, all others a linear map of the verifier's row.
        case mapped(drafted: spk_matrix, projection: spk_matrix, bias: UnsafePointer<Float>, mask: UnsafePointer<Float>)

        var projection: spk_matrix? {
            if case .mapped(_, let projection, _, _) = self { projection } else { nil }
        }
    }

    /// The greatest rank of a Markov head; published ones have 64 to 512.
    private static let greatestRank = 1 << 16

    let fusion: spk_matrix  // [hidden × taps · hidden]
    let fusionNorm: UnsafePointer<Float>
    let layers: TransformerWeights
    let ropeFactors: UnsafePointer<Float>?
    let outputNorm: UnsafePointer<Float>
    let embedding: Embedding
    /// The verifier's embedding.
    let verifierEmbedding: spk_matrix
    let output: spk_matrix  // [draft vocabulary × hidden]
    /// The verifier's id of each token that can be drafted; all tokens in order if the file has no list.
    let draftTokens: [Int32]
    /// [vocabulary] A token's index in that list; −1 if it cannot be drafted.
    let draftIndices: [Int32]
    let markov: Markov?
    let confidence: Confidence?
    let selector: Selector?
    /// What tells slots of a block's states; nil where they hold its tokens themselves.
    let conditioning: Conditioning?
    let process: any DiffusionProcess
    /// What says how much the ratios of a score network sum to, [hidden].
    let scoreMass: UnsafePointer<Float>?

    /// - Throws: `CheckpointError` naming the tensor that is missing, misshapen or unknown; `OutOfMemory`.
    init(_ checkpoint: Checkpoint, _ config: DrafterConfig, _ target: TargetModel) throws {
        let loader = try WeightLoader(checkpoint, pool: target.pool)
        let hidden = config.transformer.hidden
        let vocabulary = config.transformer.vocabulary
        fusion = try loader.matrix("fc.weight", inputs: config.targetLayers.count * hidden, outputs: hidden)
        fusionNorm = try loader.vector("enc.output_norm.weight", count: hidden)
        outputNorm = try loader.vector("output_norm.weight", count: hidden)
        layers = try TransformerWeights(loader, config.transformer, config.family)
        ropeFactors = try config.transformer.ropes.first.flatMap { rope throws(CheckpointError) in
            try loader.ropeFactors("rope_freqs.weight", rope)
        }
        verifierEmbedding = target.embedding
        draftTokens =
            loader.contains("d2t") ? try loader.indices("d2t", limit: vocabulary) : (0..<Int32(vocabulary)).map { $0 }
        var indices = [Int32](repeating: -1, count: vocabulary)
        for (index, token) in draftTokens.enumerated() { indices[Int(token)] = Int32(index) }
        draftIndices = indices
        if loader.contains("speculate.draft_embd.weight") {
            guard config.transformer.scales.embedding == 1 else {
                throw CheckpointError(
                    "the drafter has embeddings of its own making, and '\(DrafterConfig.architecture).embedding_scale'")
            }
            embedding = .mapped(
                drafted: try loader.matrix("speculate.draft_embd.weight", inputs: hidden, outputs: draftTokens.count),
                projection: try loader.matrix("speculate.embd_proj.weight", inputs: hidden, outputs: hidden),
                bias: try loader.vector("speculate.embd_proj.bias", count: hidden),
                mask: try loader.vector("speculate.mask_embd.weight", count: hidden))
        } else if loader.contains("token_embd.weight") {
            embedding = .table(try loader.matrix("token_embd.weight", inputs: hidden, outputs: vocabulary))
        } else {
            embedding = .table(target.embedding)
        }
        if loader.contains("output.weight") {
            output = try loader.matrix("output.weight", inputs: hidden, outputs: draftTokens.count)
        } else if case .table(let own) = embedding, loader.contains("token_embd.weight") {
            output = own
        } else {
            output = target.output
        }
        guard Int(output.outputs) == draftTokens.count else {
            throw CheckpointError("the drafter has a list 'd2t' of tokens, but no 'output.weight' for them")
        }
        var rank = 0
        if let shape = checkpoint.tensor("markov_w1.weight")?.shape, shape.count == 2 {
            rank = shape[0]
            guard rank <= Self.greatestRank else {
                throw CheckpointError.tensor(
                    "markov_w1.weight", "has rank \(rank), expected at most \(Self.greatestRank)")
            }
            markov = Markov(
                embedding: try loader.matrix("markov_w1.weight", inputs: rank, outputs: vocabulary),
                output: try loader.matrix("markov_w2.weight", inputs: rank, outputs: draftTokens.count))
        } else {
            markov = nil
        }
        selector = try Self.selector(checkpoint, loader, config, drafted: draftTokens.count)
        guard selector == nil || markov == nil else {
            throw CheckpointError("the drafter has both a selector and a Markov head, expected one of them")
        }
        rank = config.selector?.rank ?? rank
        if loader.contains("conf_proj.weight") {
            let bias = try loader.optionalVector("conf_proj.bias", count: 1)
            confidence = Confidence(
                weight: try loader.row("conf_proj.weight", count: hidden + rank), bias: bias?.pointee ?? 0)
        } else {
            confidence = nil
        }
        conditioning = try Conditioning(checkpoint, loader, config)
        process = try Self.process(checkpoint, loader, config, drafted: draftTokens.count)
        scoreMass =
            config.process == .scoreAbsorbing
            ? try loader.row("speculate.score_mass.weight", count: hidden) : nil
        if conditioning != nil, case .table = embedding {
            throw CheckpointError.tensor(
                "speculate.draft_embd.weight",
                "is missing, expected it where 'speculate.process' is '\(config.process.rawValue)'")
        }
        try loader.finish()
        arena = loader.arena
    }

    private static func selector(
        _ checkpoint: Checkpoint, _ loader: WeightLoader, _ config: DrafterConfig, drafted: Int
    ) throws(CheckpointError) -> Selector? {
        guard let shape = config.selector else { return nil }
        let (rank, vocabulary) = (shape.rank, config.transformer.vocabulary)
        guard shape.count <= drafted else {
            throw .invalid(
                key: "\(DrafterConfig.architecture).selector_top_k", value: shape.count,
                expected: "at most the \(drafted) tokens that can be drafted")
        }
        let isReduced = checkpoint.tensor("selector_successor.weight")?.shape.last == drafted
        return Selector(
            count: shape.count,
            predecessor: try loader.matrix("selector_predecessor.weight", inputs: rank, outputs: vocabulary),
            successor: try loader.matrix(
                "selector_successor.weight", inputs: rank, outputs: isReduced ? drafted : vocabulary),
            isReduced: isReduced,
            gate: try loader.matrix("selector_hidden.weight", inputs: config.transformer.hidden, outputs: rank),
            logitScale: shape.logitScale, softcap: shape.softcap)
    }

    private let arena: Arena
}
