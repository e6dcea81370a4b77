import SpeculateShared

extension ModelFamily {
    /// Qwen3's mixtures of experts (Yang et al. 2025): qwen3 with feed-forward networks of which a row goes through a few.
    static let qwen3moe = ModelFamily("qwen3moe") {
        $0.headNorms = .perHead
        $0.hasExperts = true
        $0.keys = [
            "expert_count": .computed, "expert_used_count": .computed, "expert_feed_forward_length": .computed,
            "expert_weights_scale": .number(1), "expert_shared_feed_forward_length": .number(0),
            // Of layers without experts; there are none.
            "feed_forward_length": .described,
        ]
    }
}
