/// A value, or an array of values.
struct OneOrMany<Element: Decodable & Sendable>: Decodable, Sendable {
    let values: [Element]

    init(from decoder: any Decoder) throws {
        if let one = try? decoder.singleValueContainer().decode(Element.self) {
            values = [one]
        } else {
            values = try decoder.singleValueContainer().decode([Element].self)
        }
    }
}
