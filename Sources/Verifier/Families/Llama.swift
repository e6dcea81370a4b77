import SpeculateShared

extension ModelFamily {
    /// Llama 1 to 3, SmolLM2, Mistral 7B and everything else that is built like them (Touvron et al. 2023). Its files store
    /// queries and keys permuted, so that neighbours are rotated together.
    static let llama = ModelFamily("llama") { $0.ropeOrder = .interleaved }
}
