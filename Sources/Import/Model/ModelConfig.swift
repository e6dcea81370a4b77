import SpeculateShared

/// The sizes and constants of a model, from config.json.
struct ModelConfig {
    let layers: Int
    let hidden: Int
    let feedForward: Int
    let heads: Int
    let keyValueHeads: Int
    let headDimension: Int
    /// Whether the file says how long a head is; else it follows from the others.
    let namesHeadDimension: Bool
    let vocabulary: Int
    let context: Int
    let epsilon: Double
    let rope: RopeConfig
    /// Whether the embedding is the head's matrix too.
    let isTied: Bool
    let hasAttentionBias: Bool
    let hasOutputBias: Bool
    let hasFeedForwardBias: Bool

    init(_ fields: Fields, _ family: SourceFamily) throws(ModelFileError) {
        let defaults = family.defaults
        func size(_ key: String, _ other: Int?, most: Int = 1 << 20) throws(ModelFileError) -> Int {
            guard let other else { return try fields.integer(key, in: 1...most) }
            return try fields.optionalInteger(key, in: 1...most) ?? other
        }
        layers = try size("num_hidden_layers", defaults.layers, most: 4096)
        hidden = try size("hidden_size", defaults.hidden)
        feedForward = try size("intermediate_size", defaults.feedForward)
        heads = try size("num_attention_heads", defaults.heads)
        keyValueHeads = try size(
            "num_key_value_heads", fields.isNull("num_key_value_heads") ? heads : defaults.keyValueHeads ?? heads)
        guard heads % keyValueHeads == 0 else {
            throw fields.wrong(
                "num_key_value_heads", .integer(keyValueHeads),
                expected: "a divisor of the \(heads) attention heads")
        }
        let named = try fields.optionalInteger("head_dim", in: 2...1 << 16) ?? defaults.headDimension
        guard named != nil || hidden % heads == 0 else {
            throw fields.wrong("hidden_size", .integer(hidden), expected: "a multiple of the \(heads) attention heads")
        }
        headDimension = named ?? hidden / heads
        namesHeadDimension = named != nil || family.alwaysNamesHeadDimension
        guard headDimension % 2 == 0 else {
            throw fields.wrong("head_dim", .integer(headDimension), expected: "an even number")
        }
        vocabulary = try size("vocab_size", defaults.vocabulary, most: 1 << 24)
        context = try size("max_position_embeddings", defaults.context, most: Int(Int32.max))
        epsilon = try fields.optionalPositive("rms_norm_eps") ?? 1e-6
        rope = try RopeConfig(fields, family)
        isTied = try fields.optionalBool("tie_word_embeddings") ?? defaults.isTied
        let bias = try fields.optionalBool("attention_bias") ?? false
        hasAttentionBias = bias || family.hasQueryBiases
        hasOutputBias = bias
        hasFeedForwardBias = try fields.optionalBool("mlp_bias") ?? false
        try Self.refuseOthers(fields, family)
    }

    /// What the libraries compute for some of these models, and this engine does not.
    private static func refuseOthers(_ fields: Fields, _ family: SourceFamily) throws(ModelFileError) {
        for key in ["hidden_act", "hidden_activation"] where fields[key] != nil {
            guard let name = fields[key]?.string, family.activations.contains(name) else {
                throw fields.wrong(
                    key, fields[key], expected: family.activations.map { "'\($0)'" }.joined(separator: " or "))
            }
        }
        try fields.expect("is_causal", nil, .bool(true), because: "true")
        try fields.expect(
            "use_bidirectional_attention", nil, .bool(false), because: "false: an encoder is no language model")
        try fields.expect("attn_logit_softcapping", nil, because: "none")
        try fields.expect("final_logit_softcapping", nil, because: "none")
        try fields.expect("partial_rotary_factor", nil, .integer(1), .number(1), because: "1")
        for key in ["num_local_experts", "num_experts", "n_routed_experts"] {
            try fields.expect(key, nil, .integer(0), because: "none: experts are not converted")
        }
        try fields.expect("quantization_config", nil, because: "none: weights in BF16, F16 or F32")
        try fields.expect("draft_vocab_size", nil, because: "none: drafters are not converted")
        if let custom = try fields.optionalFields("auto_map"), custom["AutoModelForCausalLM"] != nil {
            throw custom.wrong(
                "AutoModelForCausalLM", custom["AutoModelForCausalLM"], expected: "none: the model has code of its own")
        }
        try family.check(fields)
    }
}
