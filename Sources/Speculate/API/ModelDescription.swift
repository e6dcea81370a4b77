import SpeculateShared
import SpeculateVerifier

/// The model that an engine has loaded.
public struct ModelDescription: Equatable, Sendable {
    /// The name in the checkpoint's metadata, or else the file's.
    public let name: String
    public let path: String
    public let vocabularySize: Int
    /// The most tokens of prompt and answer together.
    public let contextLength: Int
    /// What the context's length may be set to.
    package let longestContext: Int
    /// The sampling settings that its makers recommend.
    public let sampling: SamplingDefaults
    /// The tokens that begin a text, if the model expects one, and end it, as spelled in the vocabulary.
    public let beginToken, endToken: String?
    /// Compute threads.
    public let threads: Int
    /// Identifies the model and its quantisation: a hash over the norms and every tensor's name, type and shape.
    package let fingerprint: String
    /// Numbers per token of recorded hidden states: layers · hidden.
    let hiddenStateWidth: Int
    /// The instruction set of the kernels.
    public let kernels: String

    package init(
        _ checkpoint: Checkpoint, _ verifier: Verifier, _ configuration: EngineConfiguration
    ) throws(EngineError) {
        do throws(CheckpointError) {
            name = try checkpoint.metadata.optionalString("general.name") ?? checkpoint.path
            sampling = try SamplingDefaults(checkpoint.metadata)
            let tokenizer = verifier.tokenizer
            func text(_ token: Int32?) -> String? {
                token.map { String(decoding: tokenizer.pieces[Int($0)], as: UTF8.self) }
            }
            beginToken = text(tokenizer.beginToken)
            let ids = 0...tokenizer.vocabularySize - 1
            endToken = text(
                try checkpoint.metadata.optionalInteger("tokenizer.ggml.eos_token_id", in: ids).map(Int32.init))
        } catch {
            throw EngineError(error, path: checkpoint.path)
        }
        path = checkpoint.path
        // Sorted: which file a tensor is in, and where, makes it no other model.
        let tensors = checkpoint.tensors.map { "\($0.name) \($0.type) \($0.shape)" }.sorted()
        fingerprint = String(FNV1a.hash("\(verifier.weights.fingerprint) \(tensors)"), radix: 16)
        hiddenStateWidth = verifier.taps.count * verifier.config.hidden
        vocabularySize = verifier.config.vocabulary
        threads = verifier.pool.count
        kernels = verifier.kernels.name
        contextLength = verifier.weights.context
        longestContext = verifier.config.context
        guard (2...longestContext).contains(contextLength) else {
            throw EngineError(
                .invalidRequest,
                "context length is \(contextLength), expected 2 to \(longestContext), the model's own")
        }
    }
}
