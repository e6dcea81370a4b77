import SpeculateShared

extension ModelFamily {
    /// Ministral 3 and Mistral Small 3: llama with YaRN, and queries that grow with their position (Mistral AI 2025).
    static let mistral3 = ModelFamily("mistral3") {
        $0.ropeOrder = .interleaved
        $0.keys = MetadataRule.yarn
        $0.keys["rope.scaling.yarn_log_multiplier"] = .computed
        $0.keys["attention.temperature_scale"] = .computed
        $0.ropeScalings = ["yarn"]
        $0.scales = { config, file throws(CheckpointError) in
            var scales = Scales(headDimension: config.headDimension)
            if let scale = try file.optionalFloat("attention.temperature_scale"), scale != 0 {
                let original = try file.integer("rope.scaling.original_context_length", in: 1...1 << 30)
                scales.temperature = PositionTemperature(scale: scale, original: original)
            }
            return scales
        }
    }
}
