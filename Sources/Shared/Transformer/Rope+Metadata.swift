extension Rope {
    /// - Throws: `CheckpointError` naming the key that is out of range or asks for a scaling that is not computed.
    init(_ metadata: Metadata, _ family: ModelFamily, headDimension: Int) throws(CheckpointError) {
        let prefix = "\(family.name).rope"
        base = try metadata.optionalFloat("\(prefix).freq_base") ?? 10000
        dimensions =
            try metadata.optionalInteger("\(prefix).dimension_count", in: 2...max(headDimension, 2)) ?? headDimension
        order = family.ropeOrder
        guard base > 0, dimensions % 2 == 0 else {
            throw CheckpointError("rope base \(base) and rotated dimensions \(dimensions) are not sound")
        }
        let typeKey = "\(prefix).scaling.type"
        let type = try metadata.optionalString(typeKey)
        let allowed = ["none", "linear"] + family.ropeScalings
        if let type, !allowed.contains(type) {
            let expected = allowed.map { "'\($0)'" }.joined(separator: " or ")
            throw .invalid(key: typeKey, value: "'\(type)'", expected: expected)
        }
        if type != "none", type != "longrope" { scale = try Self.scale(metadata, prefix) }
        if type == "yarn" { try addYarn(metadata, prefix) }
    }

    /// A factor without a type is linear scaling, and so is the key that older files have for it.
    private static func scale(_ metadata: Metadata, _ prefix: String) throws(CheckpointError) -> Float {
        for key in ["\(prefix).scaling.factor", "\(prefix).scale_linear"] {
            guard let factor = try metadata.optionalFloat(key) else { continue }
            guard factor > 0 else { throw .invalid(key: key, value: factor, expected: "more than 0") }
            return factor
        }
        return 1
    }

    private mutating func addYarn(_ metadata: Metadata, _ prefix: String) throws(CheckpointError) {
        let original = try metadata.integer("\(prefix).scaling.original_context_length", in: 1...1 << 30)
        yarn = Yarn(
            original: original, fast: try metadata.optionalFloat("\(prefix).scaling.yarn_beta_fast") ?? 32,
            slow: try metadata.optionalFloat("\(prefix).scaling.yarn_beta_slow") ?? 1)
        // Where a file says the whole magnitude, that is it.
        let key = "\(prefix).scaling.yarn_attn_factor"
        if let magnitude = try metadata.optionalFloat(key) {
            guard magnitude > 0 else { throw .invalid(key: key, value: magnitude, expected: "more than 0") }
            self.magnitude = magnitude
            return
        }
        // Scores grow with the scale (Peng et al., section 3.4); a multiplier says how much of it other layers undo.
        func magnitude(_ multiplier: Float) -> Float { 0.1 * multiplier * Float(log(Double(scale))) + 1 }
        let multiplier = try metadata.optionalFloat("\(prefix).scaling.yarn_log_multiplier") ?? 0
        self.magnitude = scale <= 1 ? 1 : magnitude(1) / (multiplier == 0 ? 1 : magnitude(multiplier))
    }
}
