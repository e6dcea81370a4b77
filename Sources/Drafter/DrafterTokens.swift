import SpeculateShared

/// The tokens that a drafter's file lists: they have to be its verifier's.
struct DrafterTokens: Equatable, Sendable {
    let count: Int
    private let fingerprint: UInt64

    /// - Throws: `CheckpointError` naming the key that is missing or broken.
    init(_ metadata: Metadata) throws(CheckpointError) {
        let key = "tokenizer.ggml.tokens"
        count = try metadata.strings(key).count
        guard count > 0 else { throw .invalid(key: key, value: "empty", expected: "the verifier's tokens") }
        // These are not used, but a file whose special tokens do not exist is broken.
        let ids = metadata.keys.filter { $0.hasPrefix("tokenizer.ggml.") && $0.hasSuffix("_token_id") }
        for key in ids { _ = try metadata.optionalInteger(key, in: 0...count - 1) }
        fingerprint = try Tokenizer.fingerprint(metadata)
    }

    /// - Throws: `CheckpointError` when they are another model's.
    func check(against target: TargetModel) throws(CheckpointError) {
        guard count == target.config.vocabulary else {
            throw .invalid(
                key: "tokenizer.ggml.tokens", value: "\(count) tokens",
                expected: "the verifier's \(target.config.vocabulary); it drafts for another model")
        }
        guard fingerprint == target.tokenizerFingerprint else {
            throw CheckpointError("the drafter's tokenizer is not the verifier's; it drafts for another model")
        }
    }
}
