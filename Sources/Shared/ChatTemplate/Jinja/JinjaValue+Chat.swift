extension JinjaValue {
    /// The value as templates see it, all its text being the conversation's.
    /// - Parameter depth: levels that are left.
    /// - Throws: `JinjaError` of kind limit.
    package init(_ value: ChatValue, depth: Int) throws(JinjaError) {
        guard depth > 0 else { throw JinjaError(.limit, "too deep a value in the conversation") }
        switch value {
        case .none: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .number(let value): self = .float(value)
        case .text(let text): self = .string(JinjaString(text, isForeign: true))
        case .list(let items):
            self = .list(
                try items.map { item throws(JinjaError) in try JinjaValue(item, depth: depth - 1) })
        case .object(let members):
            var dictionary = JinjaDictionary()
            for member in members {
                let name = JinjaString(member.name, isForeign: true)
                try dictionary.set(.string(name), try JinjaValue(member.value, depth: depth - 1))
            }
            self = .dictionary(dictionary)
        }
    }

    /// Characters and elements inside.
    package var size: Int {
        switch self {
        case .string(let text): text.count
        case .list(let list): list.items.reduce(1) { $0 + $1.size }
        case .dictionary(let dictionary): dictionary.entries.reduce(1) { $0 + $1.key.size + $1.value.size }
        default: 1
        }
    }
}
