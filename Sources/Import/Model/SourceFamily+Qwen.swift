import SpeculateShared

extension SourceFamily {
    /// Qwen2 and Qwen2.5: biases on queries, keys and values.
    static let qwen2 = SourceFamily("qwen2", "Qwen2ForCausalLM") {
        $0.hasQueryBiases = true
        setQwen(&$0)
    }

    static let qwen3 = SourceFamily("qwen3", "Qwen3ForCausalLM") {
        $0.hasHeadNorms = true
        $0.alwaysNamesHeadDimension = true
        $0.defaults.headDimension = 128
        setQwen(&$0)
    }

    private static func setQwen(_ family: inout SourceFamily) {
        family.defaults.keyValueHeads = 32
        family.defaults.context = 32768
        family.check = refuseWindows
    }

    private static let refuseWindows: @Sendable (Fields) throws(ModelFileError) -> Void = {
        fields throws(ModelFileError) in
        try fields.expect("use_sliding_window", nil, .bool(false), because: "false: windows are not converted")
        for value in try fields.array("layer_types") where value != .string("full_attention") {
            throw fields.wrong("layer_types", value, expected: "'full_attention' alone")
        }
    }
}
