import SpeculateShared

/// What sets a Hugging Face architecture apart from the plain pre-norm transformer: one value per family, in a file of its
/// own.
struct SourceFamily: Sendable {
    /// What the library's class takes for what config.json leaves out. Sizes without a default here have to be there: only
    /// the published files of some families leave them out.
    struct Defaults: Sendable {
        var layers: Int?
        var hidden: Int?
        var feedForward: Int?
        var heads: Int?
        /// nil: as many as there are attention heads, which null also stands for.
        var keyValueHeads: Int?
        var headDimension: Int?
        var vocabulary: Int?
        var context: Int?
        var isTied = false
    }

    /// `general.architecture`.
    let architecture: String
    /// The classes in config.json's `architectures`.
    let classes: [String]
    var defaults = Defaults()
    var alwaysNamesHeadDimension = false
    var activations = ["silu"]
    var ropeBase = 10000.0
    /// Of layers that see a window; nil where no layers do.
    var localRopeBase: Double?
    var takesLlama3Scaling = false
    /// Whether files hold queries and keys permuted, so that neighbours are rotated together.
    var permutesQueries = false
    /// What the model adds to its norms, and files hold.
    var normOffset: Float = 0
    var hasQueryBiases = false
    var hasHeadNorms = false
    /// The layer's norms: their names in the folder and in the file.
    var norms = [("input_layernorm", "attn_norm"), ("post_attention_layernorm", "ffn_norm")]
    /// Whether the metadata say how many tokens there are and how many dimensions rotate.
    var namesVocabulary = false
    /// Prefixes of tensors that take no part in text.
    var ignored: [String] = []
    /// Refuses what is not converted.
    var check: @Sendable (Fields) throws(ModelFileError) -> Void = { _ in }
    /// Metadata below the architecture's name that others have not.
    var metadata: @Sendable (Fields, ModelConfig) throws(ModelFileError) -> [(String, JSONValue)] = { _, _ in [] }

    init(_ architecture: String, _ classes: String..., with set: (inout Self) -> Void) {
        self.architecture = architecture
        self.classes = classes
        set(&self)
    }

    static let all: [SourceFamily] = [.llama, .mistral, .smollm3, .qwen2, .qwen3, .gemma3]

    /// The family that config.json names.
    static func named(in fields: Fields) throws(ModelFileError) -> SourceFamily {
        let names = try fields.array("architectures").compactMap(\.string)
        guard names.count == 1, let family = all.first(where: { $0.classes.contains(names[0]) }) else {
            let known = all.flatMap(\.classes).joined(separator: ", ")
            let found = names.isEmpty ? "missing" : names.joined(separator: ", ")
            throw .bad(fields.place, "'architectures' is \(found), expected one of \(known)")
        }
        return family
    }
}
