import SpeculateShared

extension SourceFamily {
    static let llama = SourceFamily("llama", "LlamaForCausalLM") { setLlama(&$0) }

    /// Mistral 7B: a llama, where no layer sees only a window. The library's class has one unless the file says null.
    static let mistral = SourceFamily("llama", "MistralForCausalLM") {
        setLlama(&$0)
        $0.defaults.keyValueHeads = 8
        $0.defaults.context = 131_072
        $0.check = { fields throws(ModelFileError) in
            guard fields.isNull("sliding_window") else {
                throw fields.wrong(
                    "sliding_window", fields["sliding_window"],
                    expected: "null: a window (4096 where it is left out) is not converted for 'llama'")
            }
        }
    }

    /// SmolLM3: the engine takes for granted which layers know nothing of positions.
    static let smollm3 = SourceFamily("smollm3", "SmolLM3ForCausalLM") {
        setLlama(&$0)
        $0.takesLlama3Scaling = false
        $0.defaults.keyValueHeads = 4
        $0.defaults.context = 32768
        $0.defaults.isTied = true
        $0.ropeBase = 2_000_000
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
        family.alwaysNamesHeadDimension = true
        family.takesLlama3Scaling = true
        family.permutesQueries = true
        family.namesVocabulary = true
    }
}
