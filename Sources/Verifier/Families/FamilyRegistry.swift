import SpeculateShared

extension ModelFamily {
    /// The architectures that the engine verifies with.
    static let verifiers: [ModelFamily] = [
        .llama, .qwen2, .qwen3, .qwen3moe, .smollm3, .gemma3, .granite, .mistral3, .olmo2, .phi3,
    ]

    /// The family of a checkpoint.
    /// - Throws: `CheckpointError` when it is none of those known.
    package static func verifier(of metadata: Metadata) throws(CheckpointError) -> ModelFamily {
        let name = try metadata.string("general.architecture")
        guard let family = verifiers.first(where: { $0.name == name }) else {
            let known = verifiers.map { "'\($0.name)'" }.joined(separator: ", ")
            throw .invalid(key: "general.architecture", value: "'\(name)'", expected: "one of \(known)")
        }
        return family
    }
}
