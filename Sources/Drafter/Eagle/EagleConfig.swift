import SpeculateShared

/// The shape of an EAGLE-3 drafter, read from the metadata of an `eagle3` checkpoint and checked.
package struct EagleConfig: Sendable {
    package static let architecture = "eagle3"

    /// A layer like Llama's that reads two vectors: a token's embedding, and what is known of the tokens before it.
    static let family = ModelFamily(architecture) {
        $0.keys = [
            "target_layers": .computed, "target_hidden_size": .computed, "norm_before_residual": .computed,
            "norm_before_fc": .computed,
        ]
        $0.ropeOrder = .interleaved
        $0.attentionInputs = 2
    }

    /// Layers that a drafter reads: a low, a middle and a high one.
    private static let tapCount = 3
    /// Tokens of a draft at most. Published drafters are trained for chains of seven.
    package static let drafts = 16

    package let transformer: TransformerConfig
    /// Verifier layers whose input, the residual stream before them, is fused; one more than there are names what leaves the
    /// last one.
    package let targetLayers: [Int]
    /// The width of the verifier.
    package let targetHidden: Int
    /// Whether what the layer adds to is normalised, as what it reads is.
    let normsResidual: Bool
    /// Whether the verifier's hidden states are normalised before they are fused.
    let normsFeatures: Bool
    let tokens: DrafterTokens

    /// - Throws: `CheckpointError` naming the key that is missing, out of range or not supported.
    package init(_ checkpoint: Checkpoint) throws(CheckpointError) {
        let metadata = checkpoint.metadata
        let name = Self.architecture
        tokens = try DrafterTokens(metadata)
        transformer = try TransformerConfig(metadata, Self.family, vocabulary: tokens.count)
        guard transformer.layers == 1 else {
            throw .invalid(key: "\(name).block_count", value: transformer.layers, expected: "1")
        }
        let key = "\(name).target_layers"
        guard let layers = try metadata.optionalIntegers(key) else { throw .missing(key: key) }
        guard layers.count == Self.tapCount else {
            throw .invalid(key: key, value: "\(layers.count) layers", expected: "\(Self.tapCount)")
        }
        targetLayers = layers
        targetHidden = try metadata.integer("\(name).target_hidden_size", in: 1...65536)
        normsResidual = try metadata.optionalBool("\(name).norm_before_residual") ?? false
        normsFeatures = try metadata.optionalBool("\(name).norm_before_fc") ?? false
    }

    /// Floats of a token's hidden states.
    var featureWidth: Int { targetLayers.count * targetHidden }

    /// - Throws: `CheckpointError` saying why a drafter of this shape does not fit the verifier.
    func check(against target: TargetModel) throws(CheckpointError) {
        try tokens.check(against: target)
        guard targetHidden == target.config.hidden else {
            throw .invalid(
                key: "\(Self.architecture).target_hidden_size", value: targetHidden,
                expected: "\(target.config.hidden), the verifier's width")
        }
    }

    /// The layers after which the verifier records its residual stream for this drafter.
    /// - Throws: `CheckpointError` if the verifier has no such layers.
    package func taps(verifierLayers: Int) throws(CheckpointError) -> [Int] {
        guard targetLayers.allSatisfy({ (1...verifierLayers).contains($0) }),
            zip(targetLayers, targetLayers.dropFirst()).allSatisfy({ $0 < $1 })
        else {
            throw .invalid(
                key: "\(Self.architecture).target_layers", value: targetLayers,
                expected: "rising layers from 1 to \(verifierLayers), which the verifier has")
        }
        return targetLayers.map { $0 - 1 }
    }
}
