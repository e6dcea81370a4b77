/// The methods that values have.
enum JinjaMethods {
    static func names(of value: JinjaValue) -> Set<String> {
        switch value {
        case .string: texts
        case .dictionary: dictionaries
        case .list(let list): list.kind == .list ? lists : list.kind.isView ? [] : tuples
        default: []
        }
    }

    static let texts: Set<String> = [
        "capitalize", "count", "endswith", "find", "format", "isalnum", "isalpha", "isdecimal", "isdigit", "islower",
        "isspace",
        "isupper", "join", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind",
        "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper",
    ]
    static let dictionaries = Set(["copy", "get", "items", "keys", "values"]).union(changing(dictionary: true))
    static let lists = tuples.union(["copy"]).union(changing(dictionary: false))
    static let tuples: Set<String> = ["count", "index"]

    /// Methods that change their value, which templates may not.
    static func changing(dictionary: Bool) -> Set<String> {
        dictionary
            ? ["clear", "pop", "popitem", "setdefault", "update"]
            : ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"]
    }
}
