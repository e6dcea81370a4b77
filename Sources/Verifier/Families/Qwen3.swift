import SpeculateShared

extension ModelFamily {
    /// Qwen3: every head's queries and keys are normalised before they are rotated (Yang et al. 2025).
    static let qwen3 = ModelFamily("qwen3") { $0.headNorms = .perHead }
}
