/// What `|` can apply.
package enum JinjaFilter: String, CaseIterable, Sendable {
    // Texts.
    case capitalize, escape, indent, lower, replace, string, title, trim, upper
    // Numbers.
    case abs, float, int, round
    // Lists and dictionaries.
    case dictsort, first, items, join, last, length, list, map, max, min, reject, rejectattr, reverse, select
    case selectattr, sort, sum, unique
    // Any values.
    case attr, `default`, safe, tojson

    private static let synonyms: [String: JinjaFilter] = [
        "count": .length, "d": .default, "e": .escape, "forceescape": .escape,
    ]

    package init?(named name: String) {
        guard let filter = JinjaFilter(rawValue: name) ?? Self.synonyms[name] else { return nil }
        self = filter
    }
}
