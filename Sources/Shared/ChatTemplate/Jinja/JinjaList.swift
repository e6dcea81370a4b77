/// A list, or what is like one: nothing changes it once it is made.
package struct JinjaList: Sendable {
    /// What Python makes it, which decides how it prints and what may be done with it.
    package enum Kind: Equatable, Sendable {
        case list, tuple
        case range(start: Int, stop: Int, step: Int)
        /// What a dictionary's methods give: no item of it has a number.
        case keys, values, items

        /// Python's name of the type.
        var name: String {
            switch self {
            case .list: "list"
            case .tuple: "tuple"
            case .range: "range"
            case .keys: "dict_keys"
            case .values: "dict_values"
            case .items: "dict_items"
            }
        }

        /// Whether it can be added to, repeated and written as JSON.
        var isPlain: Bool { self == .list || self == .tuple }
        var isView: Bool { self == .keys || self == .values || self == .items }
        var isRange: Bool { if case .range = self { true } else { false } }
    }

    package let items: [JinjaValue]
    package let kind: Kind
    /// Levels of values inside.
    package let depth: Int

    /// A view's keys, with their values where it has them.
    var asDictionary: [JinjaKey?: JinjaValue] {
        var found: [JinjaKey?: JinjaValue] = [:]
        for item in items {
            if kind == .items, case .list(let pair) = item {
                found[JinjaKey(pair.items[0])] = pair.items[1]
            } else {
                found[JinjaKey(item)] = JinjaValue.none
            }
        }
        return found
    }

    package init(_ items: [JinjaValue], _ kind: Kind = .list) {
        self.items = items
        self.kind = kind
        depth = 1 + (items.lazy.map(\.depth).max() ?? 0)
    }
}
