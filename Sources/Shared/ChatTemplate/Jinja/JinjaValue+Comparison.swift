/// Python's equality and order.
extension JinjaValue: Equatable {
    package static func == (a: JinjaValue, b: JinjaValue) -> Bool {
        switch (a, b) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.string(let a), .string(let b)): return a == b
        case (.list(let a), .list(let b)):
            // Ranges are the same where their numbers are; keys are a set; the values of two calls are never the same.
            if a.kind.isRange || b.kind.isRange { return a.kind.isRange && b.kind.isRange && a.items == b.items }
            guard a.kind == b.kind, a.kind != .values else { return false }
            guard a.kind.isView else { return a.items == b.items }
            return a.asDictionary == b.asDictionary
        case (.dictionary(let a), .dictionary(let b)):
            return a.count == b.count && a.entries.allSatisfy { key, value in b[key] == value }
        case (.namespace(let a), .namespace(let b)): return a == b
        case (.macro(let a), .macro(let b)): return a.serial == b.serial
        case (.function(let a), .function(let b)): return a == b
        default:
            if let a = a.integer, let b = b.integer { return a == b }
            if let a = a.number, let b = b.number { return a == b }
            return false
        }
    }

    /// Whether `self` comes before `other`.
    /// - Throws: `JinjaError` if the two have no order.
    package func precedes(_ other: JinjaValue) throws(JinjaError) -> Bool {
        switch (self, other) {
        case (.string(let a), .string(let b)): return a < b
        case (.list(let a), .list(let b)) where a.kind == b.kind && a.kind.isPlain:
            for (a, b) in zip(a.items, b.items) where a != b { return try a.precedes(b) }
            return a.items.count < b.items.count
        default:
            if let a = integer, let b = other.integer { return a < b }
            if let a = number, let b = other.number { return a < b }
            throw JinjaError(
                isUndefined || other.isUndefined ? .undefined : .value,
                "'<' between \(described) and \(other.described)", expected: "two numbers, texts or lists")
        }
    }

    /// For messages: the type, or the name of what is undefined.
    package var described: String { if case .undefined(let what) = self { "undefined \(what)" } else { typeName } }
}
