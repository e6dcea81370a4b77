import SpeculateShared
import SpeculateVerifier

/// Whether the engine will load the file to be, asked before a byte of it is written.
enum EngineCheck {
    /// What config.json calls the metadata that are made of it.
    private static let names = [
        "attention.head_count_kv": "num_key_value_heads", "attention.head_count": "num_attention_heads",
        "attention.key_length": "head_dim", "attention.layer_norm_rms_epsilon": "rms_norm_eps",
        "attention.sliding_window": "sliding_window", "block_count": "num_hidden_layers",
        "context_length": "max_position_embeddings", "embedding_length": "hidden_size",
        "feed_forward_length": "intermediate_size", "rope.dimension_count": "head_dim", "rope.freq_base": "rope_theta",
        "rope.freq_base_swa": "rope_local_base_freq",
    ]

    /// - Throws: `ModelFileError` with the engine's reason and the file's own words for what it is about.
    static func check(_ metadata: Metadata, vocabulary: Int) throws(ModelFileError) {
        var file = "config.json"
        do throws(CheckpointError) {
            let family = try ModelFamily.verifier(of: metadata)
            _ = try TransformerConfig(metadata, family, vocabulary: vocabulary)
            file = "generation_config.json"
            _ = try SamplingDefaults(metadata)
        } catch {
            var reason = error.description
            for (key, name) in names {
                for family in SourceFamily.all {
                    let key = "metadata key '\(family.architecture).\(key)'"
                    if reason.hasPrefix(key) { reason = "'\(name)'\(reason.dropFirst(key.count))" }
                }
            }
            throw .bad(file, "\(reason), for this engine to run it")
        }
    }
}
