import SpeculateShared

/// The numbers that shape a pre-norm transformer, read and checked from a checkpoint's metadata.
package struct TransformerConfig: Equatable, Sendable {
    package let layers: Int
    /// Width of the residual stream.
    package let hidden: Int
    /// Inner width of the feed-forward blocks.
    package let feedForward: Int
    package let heads: Int
    /// Key–value heads; each serves `heads / kvHeads` query heads (Ainslie et al. 2023).
    package let kvHeads: Int
    package let headDimension: Int
    package let vocabulary: Int
    /// Positions that the model was trained for, the most that a sequence may have.
    package let context: Int
    package let epsilon: Float
    package let ropeBase: Float
    /// Leading dimensions of a head that are rotated.
    package let ropeDimensions: Int
    /// Positions are divided by this (linear scaling); 1 is none.
    package let ropeScale: Float

    /// Pairs that are rotated together: neighbours (i, i + 1), else halves (i, i + d/2), the NeoX order.
    package let ropeIsInterleaved: Bool

    /// Query heads that share a key–value head.
    package var queriesPerKV: Int { heads / kvHeads }
    package var queryWidth: Int { heads * headDimension }
    package var kvWidth: Int { kvHeads * headDimension }

    /// - Parameters:
    ///   - name: the architecture, under whose name the keys stand.
    ///   - unsupported: keys that change the computation in ways not implemented; 0 or absent is fine.
    /// - Throws: `CheckpointError` naming the key that is missing, out of range or asks for what is not supported.
    package init(
        _ metadata: Metadata, architecture name: String, vocabulary: Int, ropeIsInterleaved: Bool,
        unsupported: [String]
    ) throws(CheckpointError) {
        self.vocabulary = vocabulary
        self.ropeIsInterleaved = ropeIsInterleaved
        layers = try metadata.integer("\(name).block_count", in: 1...1024)
        hidden = try metadata.integer("\(name).embedding_length", in: 1...65536)
        feedForward = try metadata.integer("\(name).feed_forward_length", in: 1...1 << 20)
        heads = try metadata.integer("\(name).attention.head_count", in: 1...1024)
        kvHeads = try metadata.optionalInteger("\(name).attention.head_count_kv", in: 1...1024) ?? heads
        // One token to go on from and one more are the least that a text can be.
        context = try metadata.integer("\(name).context_length", in: 2...1 << 20)
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
        for (what, size) in [("embedding", hidden), ("feed-forward", feedForward), ("head", headDimension)]
        where size % 32 != 0 || size == 0 {
            throw CheckpointError("the \(what) length is \(size), expected a multiple of 32")
        }
        ropeBase = try metadata.optionalFloat("\(name).rope.freq_base") ?? 10000
        let rotated = headDimension
        ropeDimensions = try metadata.optionalInteger("\(name).rope.dimension_count", in: 2...rotated) ?? rotated
        guard ropeBase > 0, ropeDimensions % 2 == 0, epsilon >= 0 else {
            throw CheckpointError(
                "rope base \(ropeBase), rotated dimensions \(ropeDimensions) and epsilon \(epsilon) are not sound")
        }
        ropeScale = try Self.ropeScale(metadata, name)
        for key in unsupported.map({ "\(name).\($0)" }) {
            if let value = try metadata.optionalInteger(key, in: 0...Int.max), value != 0 {
                throw .invalid(key: key, value: value, expected: "0 (not supported)")
            }
        }
    }

    private static func ropeScale(_ metadata: Metadata, _ name: String) throws(CheckpointError) -> Float {
        let key = "\(name).rope.scaling.type"
        let factor = try metadata.optionalFloat("\(name).rope.scaling.factor") ?? 1
        switch try metadata.optionalString(key) {
        case nil, "none": return 1
        case "linear":
            guard factor > 0 else {
                throw .invalid(key: "\(name).rope.scaling.factor", value: factor, expected: "more than 0")
            }
            return factor
        case .some(let type): throw .invalid(key: key, value: "'\(type)'", expected: "'none' or 'linear'")
        }
    }
}
