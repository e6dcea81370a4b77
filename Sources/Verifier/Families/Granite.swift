import SpeculateShared

extension ModelFamily {
    /// Granite 3: llama with four multipliers (IBM 2024). Files that say that rope is not "finetuned" have none.
    static let granite = ModelFamily("granite") {
        $0.ropeOrder = .interleaved
        $0.keys = [
            "logit_scale": .computed, "attention.scale": .computed, "embedding_scale": .computed,
            "residual_scale": .computed, "rope.scaling.finetuned": .computed,
        ]
        $0.rope = { _, rope, file throws(CheckpointError) in
            try file.optionalBool("rope.scaling.finetuned") == false ? nil : rope
        }
        $0.scales = { config, file throws(CheckpointError) in
            var scales = Scales(headDimension: config.headDimension)
            let divisor = try file.float("logit_scale")
            guard divisor != 0 else { throw file.wrong("logit_scale", divisor, expected: "another number than 0") }
            scales.logits = 1 / divisor
            scales.embedding = try file.optionalFloat("embedding_scale") ?? 1
            scales.residual = try file.optionalFloat("residual_scale") ?? 1
            if let attention = try file.optionalFloat("attention.scale"), attention != 0 {
                scales.attention = attention
            }
            return scales
        }
    }
}
