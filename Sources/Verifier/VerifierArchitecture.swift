import SpeculateShared

/// The architectures that the engine verifies with.
package enum VerifierArchitecture: String, Sendable, CaseIterable {
    case llama, qwen2, qwen3

    /// - Throws: `CheckpointError` when the file is of another.
    package init(_ metadata: Metadata) throws(CheckpointError) {
        let name = try metadata.string("general.architecture")
        guard let architecture = Self(rawValue: name) else {
            let known = Self.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw .invalid(key: "general.architecture", value: "'\(name)'", expected: "one of \(known)")
        }
        self = architecture
    }

    package func config(_ metadata: Metadata, vocabulary: Int) throws(CheckpointError) -> TransformerConfig {
        // Llama files store Q and K permuted for rotating neighbours.
        try TransformerConfig(
            metadata, architecture: rawValue, vocabulary: vocabulary, ropeIsInterleaved: self == .llama,
            unsupported: ["expert_count", "attention.sliding_window"])
    }
}
