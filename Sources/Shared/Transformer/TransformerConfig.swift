/// The shape of a pre-norm transformer, read from a checkpoint's metadata and checked.
package struct TransformerConfig: Equatable, Sendable {
    package let layers: Int
    /// Width of the residual stream.
    package let hidden: Int
    /// Inner width of the feed-forward networks, or of each expert.
    package let feedForward: Int
    /// Nil where every row goes through all of a feed-forward network.
    package let experts: ExpertRouting?
    package let heads: Int
    /// Key–value heads; each serves `heads / kvHeads` query heads (Ainslie et al. 2023).
    package let kvHeads: Int
    package let headDimension: Int
    package let vocabulary: Int
    /// Positions that the model was trained for: the most tokens of a sequence.
    package let context: Int
    package let epsilon: Float
    /// The different rotations of the layers.
    package let ropes: [Rope]
    /// [layers] Which of `ropes` a layer has; nil for none.
    package let ropeOfLayer: [Int?]
    /// [layers] Positions that a layer's attention reaches back, its own counted; nil for all.
    package let windows: [Int?]
    package private(set) var scales = Scales(headDimension: 1)

    /// Longer contexts than this are cut to it.
    private static let greatestContext = 1 << 20

    /// Query heads that share a key–value head.
    package var queriesPerKV: Int { heads / kvHeads }
    package var queryWidth: Int { heads * headDimension }
    package var kvWidth: Int { kvHeads * headDimension }

    /// - Throws: `CheckpointError` naming the key that is missing, out of range, not known to the family or asks for what is
    ///   not computed.
    package init(_ metadata: Metadata, _ family: ModelFamily, vocabulary: Int) throws(CheckpointError) {
        let name = family.name
        self.vocabulary = vocabulary
        layers = try family.layers(metadata)
        hidden = try metadata.integer("\(name).embedding_length", in: 1...65536)
        let file = FamilyMetadata(metadata, family)
        experts = family.hasExperts ? try ExpertRouting(file) : nil
        let inner = experts == nil ? "feed_forward_length" : "expert_feed_forward_length"
        feedForward = try file.integer(inner, in: 1...1 << 20)
        heads = try metadata.integer("\(name).attention.head_count", in: 1...1024)
        kvHeads = try metadata.optionalInteger("\(name).attention.head_count_kv", in: 1...1024) ?? heads
        // One token to continue and one more are the least that a text can be.
        context = min(
            try metadata.integer("\(name).context_length", in: 2...Int(Int32.max)), Self.greatestContext)
        epsilon = try metadata.float("\(name).attention.layer_norm_rms_epsilon")
        guard heads % kvHeads == 0 else {
            throw .invalid(
                key: "\(name).attention.head_count_kv", value: kvHeads, expected: "a divisor of the \(heads) heads")
        }
        let keyLength = try metadata.optionalInteger("\(name).attention.key_length", in: 1...1024)
        headDimension = keyLength ?? hidden / heads
        let valueLength = try metadata.optionalInteger("\(name).attention.value_length", in: 1...1024)
        guard valueLength ?? headDimension == headDimension else {
            throw .invalid(
                key: "\(name).attention.value_length", value: valueLength!, expected: "the key length \(headDimension)")
        }
        let sizes = [
            ("embedding_length", hidden, 32), (inner, feedForward, 32), ("attention.key_length", headDimension, 16),
        ]
        for (key, size, unit) in sizes where size % unit != 0 || size == 0 {
            throw file.wrong(key, size, expected: "a multiple of \(unit)")
        }
        guard heads * headDimension % 32 == 0 else {
            throw file.wrong(
                "attention.head_count", heads, expected: "heads of \(headDimension) that make a multiple of 32")
        }
        let described = try Rope(metadata, family, headDimension: headDimension)
        guard epsilon >= 0 else {
            throw CheckpointError(
                "rope base \(described.base), rotated dimensions \(described.dimensions) and epsilon \(epsilon) are not sound"
            )
        }
        var (ropes, windows) = ([Rope?](), [Int?]())
        for layer in 0..<layers {
            ropes.append(try family.rope(layer, described, file))
            let window = try family.window(layer, file)
            // Rows of a tree see all of their path.
            if let window, window < RowBatch.maximumTreeRows {
                throw file.wrong(
                    "attention.sliding_window", window, expected: "at least \(RowBatch.maximumTreeRows)")
            }
            windows.append(window)
        }
        self.windows = windows
        let distinct = ropes.reduce(into: [Rope]()) { all, rope in
            if let rope, !all.contains(rope) { all.append(rope) }
        }
        self.ropes = distinct
        ropeOfLayer = ropes.map { rope in rope.flatMap { distinct.firstIndex(of: $0) } }
        scales = try family.scales(self, file)
        try family.check(metadata)
    }
}
