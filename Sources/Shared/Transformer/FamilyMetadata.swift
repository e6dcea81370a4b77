/// A checkpoint's metadata as a family sees them: keys without its name.
package struct FamilyMetadata {
    private let metadata: Metadata
    private let name: String

    package init(_ metadata: Metadata, _ family: ModelFamily) {
        self.metadata = metadata
        name = family.name
    }

    package func float(_ key: String) throws(CheckpointError) -> Float { try metadata.float("\(name).\(key)") }

    package func optionalFloat(_ key: String) throws(CheckpointError) -> Float? {
        try metadata.optionalFloat("\(name).\(key)")
    }

    package func integer(_ key: String, in range: ClosedRange<Int>) throws(CheckpointError) -> Int {
        try metadata.integer("\(name).\(key)", in: range)
    }

    package func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws(CheckpointError) -> Int? {
        try metadata.optionalInteger("\(name).\(key)", in: range)
    }

    package func optionalBool(_ key: String) throws(CheckpointError) -> Bool? {
        try metadata.optionalBool("\(name).\(key)")
    }

    package func optionalString(_ key: String) throws(CheckpointError) -> String? {
        try metadata.optionalString("\(name).\(key)")
    }

    package func has(_ key: String) -> Bool { metadata["\(name).\(key)"] != nil }

    /// A factor; nil where the file does not say, or says 0, which llama.cpp takes for that.
    /// - Throws: `CheckpointError` when it is negative.
    package func optionalFactor(_ key: String) throws(CheckpointError) -> Float? {
        guard let factor = try optionalFloat(key), factor != 0 else { return nil }
        guard factor > 0 else { throw wrong(key, factor, expected: "more than 0") }
        return factor
    }

    /// Whether a layer attends to a window alone, by a key that is a period (all but every n-th layer), a list, or left out.
    package func isLocal(layer: Int, pattern key: String, period: Int) throws(CheckpointError) -> Bool {
        let key = "\(name).\(key)"
        switch metadata[key] {
        case .array:
            let list = try metadata.optionalBools(key) ?? []
            guard layer < list.count else {
                throw .invalid(key: key, value: "a list of \(list.count)", expected: "one entry per layer")
            }
            return list[layer]
        case nil: return (layer + 1) % period != 0
        case .some:
            let period = try metadata.integer(key, in: 0...1024)
            return period > 0 && (layer + 1) % period != 0
        }
    }

    package func wrong(_ key: String, _ value: some Any, expected: String) -> CheckpointError {
        .invalid(key: "\(name).\(key)", value: value, expected: expected)
    }
}
