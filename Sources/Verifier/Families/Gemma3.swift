import SpeculateShared

extension ModelFamily {
    /// Gemma 3: five layers in six attend to a window and rotate with a base of their own, norms stand before and after each
    /// branch, and embeddings are scaled up (Gemma Team 2025). Norms in the file hold the 1 that the model adds to them.
    static let gemma3 = ModelFamily("gemma3") {
        $0.keys = [
            "attention.sliding_window": .computed, "attention.sliding_window_pattern": .computed,
            "rope.freq_base_swa": .computed,
        ]
        $0.norms = .beforeAndAfter
        $0.headNorms = .perHead
        $0.activation = .gelu
        $0.rope = { layer, rope, file throws(CheckpointError) in
            guard try isLocal(layer, file) else { return rope }
            var local = rope
            local.base = try file.optionalFloat("rope.freq_base_swa") ?? 10000
            local.scale = 1  // Scaling stretches the layers that see everything.
            return local
        }
        $0.window = { layer, file throws(CheckpointError) in
            guard try isLocal(layer, file) else { return nil }
            return try file.integer("attention.sliding_window", in: 1...1 << 20)
        }
        $0.scales = { config, _ in
            var scales = Scales(headDimension: config.headDimension)
            scales.embedding = Float(config.hidden).squareRoot()
            // The 27B model, known by its 62 layers, scales queries by the width that a head would have without its own.
            if config.layers == 62 { scales.attention = 1 / (Float(config.hidden) / Float(config.heads)).squareRoot() }
            return scales
        }
    }

    private static func isLocal(_ layer: Int, _ file: FamilyMetadata) throws(CheckpointError) -> Bool {
        try file.isLocal(layer: layer, pattern: "attention.sliding_window_pattern", period: 6)
    }
}
