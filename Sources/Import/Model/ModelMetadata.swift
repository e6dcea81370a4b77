import SpeculateShared

/// The metadata of the file to be, but for the tokenizer's.
enum ModelMetadata {
    private static let quantizationVersion: UInt32 = 2

    static func metadata(
        _ fields: Fields, _ family: SourceFamily, _ config: ModelConfig, type: ImportType, folder: ModelFolder
    ) throws(ModelFileError) -> Metadata {
        var metadata = Metadata()
        metadata["general.architecture"] = .string(family.architecture)
        metadata["general.type"] = .string("model")
        metadata["general.name"] = .string(title(of: folder.path))
        try addSampling(folder, to: &metadata)
        let prefix = family.architecture
        func set(_ key: String, _ value: Int) { metadata["\(prefix).\(key)"] = .uint32(UInt32(value)) }
        func set(_ key: String, _ value: Double) { metadata["\(prefix).\(key)"] = .float32(Float(value)) }
        set("block_count", config.layers)
        set("context_length", config.context)
        set("embedding_length", config.hidden)
        set("feed_forward_length", config.feedForward)
        set("attention.head_count", config.heads)
        set("attention.head_count_kv", config.keyValueHeads)
        set("attention.layer_norm_rms_epsilon", config.epsilon)
        if config.namesHeadDimension {
            set("attention.key_length", config.headDimension)
            set("attention.value_length", config.headDimension)
        }
        set("rope.freq_base", config.rope.base)
        if let base = config.rope.localBase { set("rope.freq_base_swa", base) }
        if case .linear(let factor) = config.rope.scaling {
            metadata["\(prefix).rope.scaling.type"] = .string("linear")
            set("rope.scaling.factor", factor)
        }
        if family.namesVocabulary {
            set("vocab_size", config.vocabulary)
            set("rope.dimension_count", config.headDimension)
        }
        for (key, value) in try family.metadata(fields, config) {
            switch value {
            case .array(let list): metadata["\(prefix).\(key)"] = .array(.bool(list.compactMap(\.bool)))
            default: set(key, value.integer ?? 0)
            }
        }
        metadata["general.file_type"] = .uint32(type.fileType)
        metadata["general.quantization_version"] = .uint32(quantizationVersion)
        return metadata
    }

    /// A folder's name as people write it: words apart, with capitals, but for versions and sizes.
    static func title(of path: String) -> String {
        let words = ModelFolder.name(of: path).split { $0 == "-" || $0.isWhitespace }.map { word in
            let isLower = word.contains(where: \.isLowercase) && !word.contains(where: \.isUppercase)
            let isVersion =
                word.first?.isNumber == true || (word.first == "v" && word.dropFirst().first?.isNumber == true)
            return isLower && !isVersion ? word.capitalized : String(word)
        }
        return words.joined(separator: " ")
    }

    /// What the model's makers advise, from generation_config.json.
    private static func addSampling(_ folder: ModelFolder, to metadata: inout Metadata) throws(ModelFileError) {
        guard let fields = try folder.optionalFields(of: "generation_config.json") else { return }
        if let value = try fields.optionalInteger("top_k", in: 0...Int(Int32.max)) {
            metadata["general.sampling.top_k"] = .int32(Int32(value))
        }
        for (key, name) in [
            ("top_p", "top_p"), ("min_p", "min_p"), ("temperature", "temp"), ("repetition_penalty", "penalty_repeat"),
        ] {
            if let value = try fields.optionalNumber(key) {
                metadata["general.sampling.\(name)"] = .float32(Float(value))
            }
        }
    }
}
