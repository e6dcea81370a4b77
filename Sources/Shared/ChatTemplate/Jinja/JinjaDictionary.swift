/// A dictionary in order of insertion, which nothing changes once it is made.
package struct JinjaDictionary: Sendable {
    package private(set) var entries: [(key: JinjaValue, value: JinjaValue)] = []
    /// Where each key is; empty while there are so few that looking at all is faster.
    private var places: [JinjaKey: Int] = [:]
    /// Levels of values inside.
    package private(set) var depth = 1

    private static let fewest = 8

    package init() {}

    /// - Throws: `JinjaError` naming a key that cannot be one.
    package init(_ entries: [(key: JinjaValue, value: JinjaValue)]) throws(JinjaError) {
        for (key, value) in entries { try set(key, value) }
    }

    package var count: Int { entries.count }
    package var keys: [JinjaValue] { entries.map(\.key) }
    package var values: [JinjaValue] { entries.map(\.value) }

    /// - Throws: `JinjaError` if `key` cannot be one.
    package mutating func set(_ key: JinjaValue, _ value: JinjaValue) throws(JinjaError) {
        guard let hashable = JinjaKey(key) else {
            throw JinjaError(.value, "a key of type \(key.typeName)", expected: "text, a number or none")
        }
        depth = max(depth, 1 + value.depth)
        if let place = place(of: hashable) {
            entries[place].value = value
            return
        }
        entries.append((key, value))
        if !places.isEmpty {
            places[hashable] = entries.count - 1
        } else if entries.count > Self.fewest {
            for (place, entry) in entries.enumerated() { places[JinjaKey(entry.key)!] = place }
        }
    }

    /// The value of a key; nil for what is none of the dictionary's keys.
    package subscript(key: JinjaValue) -> JinjaValue? {
        JinjaKey(key).flatMap { place(of: $0) }.map { entries[$0].value }
    }

    package subscript(name name: JinjaString) -> JinjaValue? { place(of: .string(name)).map { entries[$0].value } }

    private func place(of key: JinjaKey) -> Int? {
        places.isEmpty ? entries.firstIndex { JinjaKey($0.key) == key } : places[key]
    }
}
