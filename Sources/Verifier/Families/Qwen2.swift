import SpeculateShared

extension ModelFamily {
    /// Qwen2 and Qwen2.5: llama's layers with biases on queries, keys and values (Yang et al. 2024).
    static let qwen2 = ModelFamily("qwen2")
}
