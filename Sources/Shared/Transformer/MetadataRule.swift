/// What a metadata key of a model family may say.
package enum MetadataRule: Sendable {
    /// The engine reads it and computes what it says.
    case computed
    /// It describes the model and changes nothing that is computed.
    case described
    /// It must have this value, which changes nothing; what another one asks for is not computed. A bool is 0 or 1.
    case number(Double)
    /// The same for a text.
    case text(String)

    /// Those that every family may have.
    static let common: [String: MetadataRule] = [
        "block_count": .computed, "embedding_length": .computed, "feed_forward_length": .computed,
        "context_length": .computed, "vocab_size": .described, "tensor_data_layout": .described,
        "attention.head_count": .computed, "attention.head_count_kv": .computed, "attention.key_length": .computed,
        "attention.value_length": .computed, "attention.layer_norm_rms_epsilon": .computed,
        "attention.causal": .number(1), "attention.sliding_window": .number(0), "attention.scale": .number(0),
        "attention.value_scale": .number(1), "attention.clamp_kqv": .number(0), "attention.max_alibi_bias": .number(0),
        "attn_logit_softcapping": .number(0), "final_logit_softcapping": .number(0), "logit_scale": .number(1),
        "embedding_scale": .number(1), "residual_scale": .number(1), "hidden_activation": .text("silu"),
        "use_parallel_residual": .number(0), "expert_count": .number(0), "expert_used_count": .number(0),
        "pooling_type": .number(0), "rope.freq_base": .computed, "rope.dimension_count": .computed,
        "rope.scaling.type": .computed, "rope.scaling.factor": .computed, "rope.scale_linear": .computed,
        "rope.scaling.attn_factor": .number(1), "rope.scaling.finetuned": .described,
        // What the model was trained with first: linear scaling does not ask.
        "rope.scaling.original_context_length": .described,
    ]

    /// Those of families with YaRN.
    package static let yarn: [String: MetadataRule] = [
        "rope.scaling.original_context_length": .computed, "rope.scaling.yarn_attn_factor": .computed,
        "rope.scaling.yarn_beta_fast": .computed, "rope.scaling.yarn_beta_slow": .computed,
        // How much of the ramp between fast and slow pairs is taken.
        "rope.scaling.yarn_ext_factor": .number(1),
    ]

    /// - Throws: `CheckpointError` when the key asks for what is not computed.
    func check(_ metadata: Metadata, _ key: String) throws(CheckpointError) {
        guard let value = metadata[key], !allows(value) else { return }
        throw .invalid(key: key, value: value.summary, expected: "\(expectation(of: value)) (not supported)")
    }

    private func allows(_ value: MetadataValue) -> Bool {
        switch self {
        case .computed, .described: true
        case .number(let only): value.number == only
        case .text(let only): value == .string(only)
        }
    }

    /// What is expected in a value's place, for a message.
    private func expectation(of value: MetadataValue) -> String {
        switch (self, value) {
        case (.computed, _), (.described, _): "any value"
        case (.number(let only), .bool): "\(only != 0)"
        case (.number(let only), _): Int(exactly: only).map(String.init) ?? "\(only)"
        case (.text(let only), _): "'\(only)'"
        }
    }
}
