import SpeculateShared

/// What layers of a `dflash` file compute: Qwen3's, with what the file's keys change.
extension DrafterConfig {
    /// llama.cpp's name for the file.
    package static let architecture = "dflash"

    private static let plain = ModelFamily(architecture) {
        $0.keys = [
            "block_size": .computed, "target_layers": .computed, "sample_from_anchor": .computed,
            "attention.sliding_window": .computed, "attention.sliding_window_pattern": .computed,
            "attention.causal": .number(0), "has_confidence_head": .described, "attention.scale": .computed,
            "attention.value_scale": .computed, "embedding_scale": .computed, "hidden_activation": .computed,
            "rope.dimension_sections": .computed,
            "hyper_connection_count": .number(0), "conv_kernel_size": .computed, "conv_group_size": .computed,
            "selector_rank": .computed, "selector_top_k": .computed,
        ]
        $0.headNorms = .perHead
        $0.scales = { config, file throws(CheckpointError) in
            var scales = Scales(headDimension: config.headDimension)
            scales.embedding = try file.optionalFactor("embedding_scale") ?? 1
            scales.attention = try file.optionalFactor("attention.scale") ?? scales.attention
            scales.attended = try file.optionalFactor("attention.value_scale") ?? 1
            return scales
        }
    }

    /// - Throws: `CheckpointError` naming a key that asks for what is not computed.
    static func family(_ metadata: Metadata) throws(CheckpointError) -> ModelFamily {
        var family = plain
        let file = FamilyMetadata(metadata, family)
        switch try file.optionalString("hidden_activation") {
        case nil, "silu": break
        case "gelu", "gelu_pytorch_tanh": family.activation = .gelu
        case .some(let other):
            throw file.wrong("hidden_activation", excerpt(other), expected: "'silu', 'gelu' or 'gelu_pytorch_tanh'")
        }
        // Positions of pictures: a drafter's tokens have the same one in every section, and so are rotated as ever.
        let sections = "\(architecture).rope.dimension_sections"
        if let list = try metadata.optionalIntegers(sections), list.dropFirst().contains(where: { $0 != 0 }) {
            throw .invalid(key: sections, value: list, expected: "one section alone")
        }
        family.convolution = try convolution(metadata)
        if try selector(metadata) != nil {
            // What the verifier does to its logits: without a selector the likeliest tokens are the same.
            family.keys["logit_scale"] = .computed
            family.keys["final_logit_softcapping"] = .computed
        }
        if let window = try window(file), try !isLocalThroughout(file, metadata) {
            family.window = { layer, file throws(CheckpointError) in
                try isLocal(layer, file) ? window : nil
            }
        }
        return family
    }

    /// Two sizes that a part of the file has; nil where they are 0 or absent.
    private static func sizes(
        _ first: String, _ second: String, _ metadata: Metadata
    ) throws(CheckpointError) -> (Int, Int)? {
        let file = FamilyMetadata(metadata, plain)
        let (one, other) = (
            try file.optionalInteger(first, in: 0...1 << 16) ?? 0,
            try file.optionalInteger(second, in: 0...1 << 16) ?? 0
        )
        guard one > 0 || other > 0 else { return nil }
        guard one > 0, other > 0 else { throw .missing(key: "\(architecture).\(one > 0 ? second : first)") }
        return (one, other)
    }

    /// A selector's shape; nil where the file has none. Published files have it with convolutions (DFlash 2).
    static func selector(_ metadata: Metadata) throws(CheckpointError) -> Selector? {
        guard let (rank, _) = try sizes("selector_rank", "selector_top_k", metadata) else { return nil }
        let file = FamilyMetadata(metadata, plain)
        return Selector(
            rank: rank, count: try file.integer("selector_top_k", in: 1...Sampler.sumWidth),
            logitScale: try file.optionalFactor("logit_scale") ?? 1,
            softcap: try file.optionalFactor("final_logit_softcapping") ?? 0)
    }

    private static func convolution(_ metadata: Metadata) throws(CheckpointError) -> Convolution.Shape? {
        guard try sizes("conv_kernel_size", "conv_group_size", metadata) != nil else { return nil }
        let file = FamilyMetadata(metadata, plain)
        let taps = try file.integer("conv_kernel_size", in: 1...RowBatch.maximumTreeRows)
        let hidden = try file.integer("embedding_length", in: 1...65536)
        let group = try file.integer("conv_group_size", in: 1...hidden)
        guard hidden % group == 0 else {
            throw file.wrong("conv_group_size", group, expected: "a divisor of the width \(hidden)")
        }
        return Convolution.Shape(taps: taps, groupSize: group)
    }

    /// How far slots of every layer see back; nil where no layer or not every layer has a window.
    static func window(ofAllLayers metadata: Metadata) throws(CheckpointError) -> Int? {
        let file = FamilyMetadata(metadata, plain)
        guard let window = try window(file), try isLocalThroughout(file, metadata) else { return nil }
        return window
    }

    private static func window(_ file: FamilyMetadata) throws(CheckpointError) -> Int? {
        guard let window = try file.optionalInteger("attention.sliding_window", in: 0...1 << 20), window > 0 else {
            return nil
        }
        return window
    }

    private static func isLocalThroughout(
        _ file: FamilyMetadata, _ metadata: Metadata
    ) throws(CheckpointError) -> Bool {
        for layer in 0..<(try plain.layers(metadata)) where try !isLocal(layer, file) { return false }
        return true
    }

    /// By a list, or all but every n-th layer; without a pattern every layer.
    private static func isLocal(_ layer: Int, _ file: FamilyMetadata) throws(CheckpointError) -> Bool {
        let pattern = "attention.sliding_window_pattern"
        guard file.has(pattern) else { return true }
        return try file.isLocal(layer: layer, pattern: pattern, period: 1)
    }
}
