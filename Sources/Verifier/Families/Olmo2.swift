import SpeculateShared

extension ModelFamily {
    /// OLMo 2: norms stand after each branch alone, and all heads of a query or key are normalised together (OLMo Team 2024).
    /// OLMo 3 adds windows to three layers in four, which rotate without scaling.
    static let olmo2 = ModelFamily("olmo2") {
        $0.keys = MetadataRule.yarn
        for key in ["attention.sliding_window", "attention.sliding_window_pattern", "rope.freq_base_swa"] {
            $0.keys[key] = .computed
        }
        $0.ropeScalings = ["yarn"]
        $0.norms = .after
        $0.headNorms = .wholeWidth
        $0.rope = { layer, rope, file throws(CheckpointError) in
            guard try window(layer, file) != nil else { return rope }
            var local = rope
            local.base = try file.optionalFloat("rope.freq_base_swa") ?? rope.base
            (local.scale, local.yarn, local.magnitude) = (1, nil, 1)
            return local
        }
        $0.window = { layer, file throws(CheckpointError) in try window(layer, file) }
    }

    private static func window(_ layer: Int, _ file: FamilyMetadata) throws(CheckpointError) -> Int? {
        guard let window = try file.optionalInteger("attention.sliding_window", in: 0...1 << 20), window > 0,
            try file.isLocal(layer: layer, pattern: "attention.sliding_window_pattern", period: 4)
        else { return nil }
        return window
    }
}
