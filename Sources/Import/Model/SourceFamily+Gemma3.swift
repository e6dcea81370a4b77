import SpeculateShared

extension SourceFamily {
    /// Gemma 3, and the text of its models that see.
    static let gemma3 = SourceFamily("gemma3", "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration") {
        // Of the library's class: the published files leave out some.
        $0.defaults = Defaults(
            layers: 26, hidden: 2304, feedForward: 9216, heads: 8, keyValueHeads: 4, headDimension: 256,
            vocabulary: 262_208, context: 131_072, isTied: true)
        $0.alwaysNamesHeadDimension = true
        $0.activations = ["gelu_pytorch_tanh"]
        $0.ropeBase = 1_000_000
        $0.localRopeBase = 10000
        $0.normOffset = 1
        $0.hasHeadNorms = true
        $0.norms = [
            ("input_layernorm", "attn_norm"), ("post_attention_layernorm", "post_attention_norm"),
            ("pre_feedforward_layernorm", "ffn_norm"), ("post_feedforward_layernorm", "post_ffw_norm"),
        ]
        $0.ignored = [
            "vision_tower.", "multi_modal_projector.", "model.vision_tower.", "model.multi_modal_projector.",
        ]
        $0.metadata = { fields, config throws(ModelFileError) in
            try checkScale(fields, config)
            return try window(fields, config)
        }
    }

    /// The engine scales queries by the head's length; by hidden / heads in the model of 62 layers.
    private static func checkScale(_ fields: Fields, _ config: ModelConfig) throws(ModelFileError) {
        let expected = config.layers == 62 ? config.hidden / config.heads : config.headDimension
        let scalar = try fields.optionalNumber("query_pre_attn_scalar") ?? 256
        guard scalar == Double(expected) else {
            throw fields.wrong("query_pre_attn_scalar", .number(scalar), expected: "\(expected)")
        }
    }

    /// Which layers see a window: every sixth sees everything, unless the file says otherwise.
    private static func window(
        _ fields: Fields, _ config: ModelConfig
    ) throws(ModelFileError) -> [(String, JSONValue)] {
        let period = try fields.optionalInteger("sliding_window_pattern", in: 1...1024) ?? 6
        var isLocal = (0..<config.layers).map { ($0 + 1) % period != 0 }
        let types = try fields.array("layer_types")
        if !types.isEmpty {
            guard types.count == config.layers else {
                throw fields.wrong("layer_types", fields["layer_types"], expected: "one entry per layer")
            }
            for (layer, type) in types.enumerated() {
                switch type.string {
                case "sliding_attention": isLocal[layer] = true
                case "full_attention": isLocal[layer] = false
                default: throw fields.wrong("layer_types", type, expected: "'sliding_attention' or 'full_attention'")
                }
            }
        }
        if types.isEmpty {
            // The library writes this one, and does not read it.
            try fields.expect("_sliding_window_pattern", nil, .integer(period), because: "\(period)")
        }
        guard !fields.isNull("sliding_window") else {
            throw fields.wrong("sliding_window", nil, expected: "an integer")
        }
        let size = try fields.optionalInteger("sliding_window", in: 1...1 << 20) ?? 4096
        let usual = isLocal == (0..<config.layers).map { ($0 + 1) % 6 != 0 }
        return [("attention.sliding_window", .integer(size))]
            + (usual ? [] : [("attention.sliding_window_pattern", .array(isLocal.map { .bool($0) }))])
    }
}
