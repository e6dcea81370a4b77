import SpeculateShared

extension ModelFamily {
    /// SmolLM3: llama, but every fourth layer knows nothing of positions (NoPE; Bakouch et al. 2025, after Yang et al., "RoPE
    /// to NoPE and back again", 2025). Files do not say which: it is a part of the architecture.
    static let smollm3 = ModelFamily("smollm3") {
        $0.ropeOrder = .interleaved
        $0.rope = { layer, rope, _ in (layer + 1) % 4 == 0 ? nil : rope }
    }
}
