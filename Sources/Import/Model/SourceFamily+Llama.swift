import SpeculateShared

extension SourceFamily {
    static let llama = SourceFamily("llama", "LlamaForCausalLM") { setLlama(&$0) }

    /// Mistral 7B: a llama, where no layer sees only a window.
    static let mistral = SourceFamily("llama", "MistralForCausalLM") {
        setLlama(&$0)
        $0.check = { fields throws(ModelFileError) in
            try fields.expect("sliding_window", nil, because: "none: it is not converted for 'llama'")
        }
    }

    /// SmolLM3: the engine takes for granted which layers know nothing of positions.
    static let smollm3 = SourceFamily("smollm3", "SmolLM3ForCausalLM") {
        setLlama(&$0)
        $0.takesLlama3Scaling = false
        $0.check = { fields throws(ModelFileError) in
            try fields.expect("use_sliding_window", nil, .bool(false), because: "false")
            try fields.expect("no_rope_layer_interval", nil, .integer(4), because: "4")
            for (layer, value) in try fields.array("no_rope_layers").enumerated()
            where value.integer != ((layer + 1) % 4 == 0 ? 0 : 1) {
                throw fields.wrong(
                    "no_rope_layers", value, expected: "0 at every fourth layer alone (layer \(layer) differs)")
            }
        }
    }

    private static func setLlama(_ family: inout SourceFamily) {
        family.defaults.context = 2048
        family.sharesHeads = false
        family.alwaysNamesHeadDimension = true
        family.takesLlama3Scaling = true
        family.permutesQueries = true
        family.namesVocabulary = true
    }
}
