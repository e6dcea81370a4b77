/// The values that a filter, test, method, function or macro is called with.
package struct JinjaOperands: Sendable {
    /// What is called, for messages.
    let construct: String
    var positional: [JinjaValue] = []
    var named: [(name: String, value: JinjaValue)] = []

    /// The values in the order of the parameters' names; nil where none is given.
    /// - Throws: `JinjaError` if there are too many, or others.
    func bound(to names: String..., required: Int = 0) throws(JinjaError) -> [JinjaValue?] {
        guard positional.count <= names.count else {
            throw JinjaError(
                .value, "\(construct) with \(positional.count) arguments", expected: "at most \(names.count)")
        }
        var values: [JinjaValue?] =
            positional.map { $0 } + [JinjaValue?](repeating: nil, count: names.count - positional.count)
        for (name, value) in named {
            guard let place = names.firstIndex(of: name), values[place] == nil else {
                throw JinjaError(
                    .value, "\(construct) with an argument '\(name)'",
                    expected: names.isEmpty ? "none" : "each of these once: " + names.joined(separator: ", "))
            }
            values[place] = value
        }
        for place in 0..<required where values[place] == nil {
            throw JinjaError(.value, "\(construct) without an argument", expected: "'\(names[place])'")
        }
        return values
    }

    /// The operands without the first ones.
    func dropping(_ count: Int) -> JinjaOperands {
        JinjaOperands(construct: construct, positional: Array(positional.dropFirst(count)), named: named)
    }

    /// - Throws: `JinjaError` if a value that is given is no text; undefined counts as not given.
    func text(_ value: JinjaValue?) throws(JinjaError) -> JinjaString? {
        switch value {
        case nil, .some(.none): nil
        case .string(let text): text
        case let value?: throw wrong(value, expected: "text")
        }
    }

    func integer(_ value: JinjaValue?) throws(JinjaError) -> Int? {
        guard let value else { return nil }
        guard let integer = value.integer else { throw wrong(value, expected: "an integer") }
        return integer
    }

    private func wrong(_ value: JinjaValue, expected: String) -> JinjaError {
        JinjaError(
            value.isUndefined ? .undefined : .value, "\(construct) with \(value.described)", expected: expected)
    }
}
