import SpeculateShared

/// Which tensors a model has, under what names they are in the folder and in the file, and of what shape. Every tensor of the
/// folder has a place, or the model is refused.
struct TensorPlan {
    private let family: SourceFamily
    private let config: ModelConfig
    private let sources: SourceTensors
    private var taken = Set<[UInt8]>()
    private(set) var tensors: [PlannedTensor] = []
    /// How many tensors are left out because they take no part in text.
    private(set) var ignored = 0

    init(_ sources: SourceTensors, _ family: SourceFamily, _ config: ModelConfig) throws(ModelFileError) {
        self.family = family
        self.config = config
        self.sources = sources
        try add("token_embd.weight", "model.embed_tokens.weight", [config.vocabulary, config.hidden])
        if case .llama3(let scaling) = config.rope.scaling {
            let factors = scaling.factors(base: config.rope.base, headDimension: config.headDimension)
            tensors.append(
                PlannedTensor(name: "rope_freqs.weight", source: .floats(factors), shape: [factors.count]))
        }
        for layer in 0..<config.layers { try addLayer(layer) }
        try addNorm("output_norm.weight", "model.norm.weight", config.hidden)
        try addHead()
        try refuseOthers()
    }

    private mutating func addLayer(_ layer: Int) throws(ModelFileError) {
        let (source, target) = ("model.layers.\(layer)", "blk.\(layer)")
        let (hidden, head, feedForward) = (config.hidden, config.headDimension, config.feedForward)
        let queries = config.heads * head
        let keys = config.keyValueHeads * head
        for (from, to) in family.norms { try addNorm("\(target).\(to).weight", "\(source).\(from).weight", hidden) }
        if family.hasHeadNorms {
            for name in ["q", "k"] {
                try addNorm("\(target).attn_\(name)_norm.weight", "\(source).self_attn.\(name)_norm.weight", head)
            }
        }
        let permuted = family.permutesQueries ? head : 1
        let bias = config.hasAttentionBias
        for (from, to, outputs, inputs, permuted, bias) in [
            ("self_attn.q_proj", "attn_q", queries, hidden, permuted, bias),
            ("self_attn.k_proj", "attn_k", keys, hidden, permuted, bias),
            ("self_attn.v_proj", "attn_v", keys, hidden, 1, bias),
            ("self_attn.o_proj", "attn_output", hidden, queries, 1, config.hasOutputBias),
            ("mlp.gate_proj", "ffn_gate", feedForward, hidden, 1, config.hasFeedForwardBias),
            ("mlp.up_proj", "ffn_up", feedForward, hidden, 1, config.hasFeedForwardBias),
            ("mlp.down_proj", "ffn_down", hidden, feedForward, 1, config.hasFeedForwardBias),
        ] {
            try add("\(target).\(to).weight", "\(source).\(from).weight", [outputs, inputs], permutedHead: permuted)
            if bias { try add("\(target).\(to).bias", "\(source).\(from).bias", [outputs], permutedHead: permuted) }
        }
    }

    private mutating func addNorm(_ name: String, _ source: String, _ size: Int) throws(ModelFileError) {
        try add(name, source, [size], offset: family.normOffset)
    }

    /// The head's matrix, unless it is the embedding. Where both are in the folder, the library takes the embedding for both
    /// if they are equal.
    private mutating func addHead() throws(ModelFileError) {
        let (name, shape) = ("lm_head.weight", [config.vocabulary, config.hidden])
        guard config.isTied, let head = find(name) else {
            if !config.isTied { try add("output.weight", name, shape) }
            return
        }
        guard let embedding = find("model.embed_tokens.weight"), try SourceTensor.areEqual(head, embedding) else {
            throw .bad(
                head.fileName,
                "tensor \(excerpt(head.name)) differs from the embedding, expected none: config.json says "
                    + "'tie_word_embeddings'")
        }
        taken.insert(Array(head.name.utf8))
    }

    private mutating func add(
        _ name: String, _ sourceName: String, _ shape: [Int], permutedHead: Int = 1, offset: Float = 0
    ) throws(ModelFileError) {
        guard let source = find(sourceName) else {
            throw ModelFileError(.badFile, "tensor '\(sourceName)' is missing, expected it of shape \(shape)")
        }
        guard source.shape == shape else {
            throw .bad(
                source.fileName, "tensor \(excerpt(source.name)) has shape \(source.shape), expected \(shape)")
        }
        taken.insert(Array(source.name.utf8))
        tensors.append(
            PlannedTensor(
                name: name, source: .tensor(source), shape: shape.reversed(), permutedHead: permutedHead,
                offset: offset))
    }

    /// Models that see have their text below a name of its own, in one of two places.
    private func find(_ name: String) -> SourceTensor? {
        if let tensor = sources[name] { return tensor }
        guard !family.ignored.isEmpty else { return nil }
        return sources["language_model.\(name)"]
            ?? (name.hasPrefix("model.") ? sources["model.language_model.\(name.dropFirst(6))"] : nil)
    }

    private mutating func refuseOthers() throws(ModelFileError) {
        for name in sources.names where !taken.contains(Array(name.utf8)) {
            if family.ignored.contains(where: name.hasPrefix) {
                ignored += 1
            } else if !name.hasSuffix(".rotary_emb.inv_freq") {
                // The frequencies follow from config.json.
                throw .bad(
                    sources[name]!.fileName,
                    "tensor \(excerpt(name)) has no place in '\(family.architecture)' as "
                        + "config.json describes it")
            }
        }
    }
}
