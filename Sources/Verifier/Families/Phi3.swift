import SpeculateShared

extension ModelFamily {
    /// Phi-3, Phi-3.5, Phi-4 and Phi-4-mini: queries, keys and values in one matrix, gate and up in another, a part of each head
    /// rotated, and factors on the frequencies that depend on the context's length (LongRoPE; Ding et al. 2024). The window
    /// that some files name is not applied, as in llama.cpp.
    static let phi3 = ModelFamily("phi3") {
        $0.keys = [
            "rope.scaling.attn_factor": .computed,
            "rope.scaling.original_context_length": .computed, "attention.sliding_window": .described,
        ]
        $0.fusesGate = true
        $0.ropeScalings = ["longrope"]
        $0.rope = { _, rope, file throws(CheckpointError) in
            var rope = rope
            rope.magnitude = try file.optionalFloat("rope.scaling.attn_factor") ?? 1
            return rope
        }
    }
}
