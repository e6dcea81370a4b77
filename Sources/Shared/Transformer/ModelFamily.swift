import CKernels

/// What sets an architecture apart from the plain pre-norm transformer: one value per `general.architecture`, in a file of
/// its own. What reads weights and shapes of a checkpoint asks the family.
package struct ModelFamily: Sendable {
    /// Where a layer normalises hidden states.
    package enum Norms: Sendable {
        /// What goes into attention and feed-forward.
        case before
        /// What comes out of them, before it is added to the residual stream.
        case after
        case beforeAndAfter
    }

    /// How queries and keys are normalised.
    package enum HeadNorms: Sendable {
        case none
        /// Each head by itself.
        case perHead
        /// All heads of a row together.
        case wholeWidth
    }

    /// What the gate of a feed-forward network is put through.
    package enum Activation: Sendable {
        case silu
        /// In its tanh form.
        case gelu

        var kernel: spk_gate { self == .silu ? SPK_SILU : SPK_GELU }
    }

    /// `general.architecture`, and the prefix of the family's metadata keys.
    package let name: String
    /// Which pairs of a head's dimensions its files rotate together.
    package var ropeOrder = Rope.Order.halves
    /// What metadata keys below the family's name may say, beside `MetadataRule.common`.
    package var keys: [String: MetadataRule] = [:]
    package var norms = Norms.before
    package var headNorms = HeadNorms.none
    package var activation = Activation.silu
    /// What lets rows read those before them around attention and feed-forward.
    package var convolution: Convolution.Shape?
    /// Whether `ffn_up` holds the gate's rows too, first.
    package var fusesGate = false
    /// Whether each feed-forward network consists of experts, of which a row goes to a few.
    package var hasExperts = false
    /// How many vectors of the model's width queries, keys and values are made from.
    package var attentionInputs = 1
    /// What `rope.scaling.type` may be beside none and linear.
    package var ropeScalings: [String] = []
    /// How a layer rotates, given the rope that the metadata describe; nil: not at all.
    package var rope:
        @Sendable (_ layer: Int, _ described: Rope, _ file: FamilyMetadata) throws(CheckpointError) -> Rope? = {
            _, rope, _ in rope
        }
    /// How many positions a layer's attention reaches back, its own counted; nil: all.
    package var window: @Sendable (_ layer: Int, _ file: FamilyMetadata) throws(CheckpointError) -> Int? = { _, _ in nil
    }
    /// What hidden states, scores and logits are multiplied with.
    package var scales:
        @Sendable (_ config: TransformerConfig, _ file: FamilyMetadata) throws(CheckpointError) -> Scales = {
            config, _ in Scales(headDimension: config.headDimension)
        }

    package init(_ name: String, _ change: (inout ModelFamily) -> Void = { _ in }) {
        self.name = name
        change(&self)
    }

    /// - Throws: `CheckpointError` naming a key below the family's name that it does not know, or one that asks for what is
    ///   not computed: the model would be another than the one that the file describes.
    package func check(_ metadata: Metadata) throws(CheckpointError) {
        if let type = try metadata.optionalString("general.type"), type != "model" {
            throw .invalid(key: "general.type", value: excerpt(type), expected: "'model'")
        }
        for key in metadata.keys where key.hasPrefix(name + ".") {
            let suffix = String(key.dropFirst(name.count + 1))
            guard let rule = keys[suffix] ?? MetadataRule.common[suffix] else {
                throw CheckpointError(
                    "metadata key '\(key)' is not one that this engine knows of '\(name)'; it may change what is computed"
                )
            }
            try rule.check(metadata, key)
        }
    }

    /// - Throws: `CheckpointError` when the number of layers is missing or out of range.
    package func layers(_ metadata: Metadata) throws(CheckpointError) -> Int {
        try metadata.integer("\(name).block_count", in: 1...1024)
    }
}
