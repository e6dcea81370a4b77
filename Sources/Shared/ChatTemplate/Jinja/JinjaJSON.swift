/// JSON as Python's `json.dumps` writes it, which is what the filter `tojson` of chat templates is.
struct JinjaJSON {
    /// What one more level of indentation is; nil puts everything on one line.
    var indent: JinjaString?
    var itemSeparator: JinjaString
    var keySeparator: JinjaString
    var sortsKeys = false
    var escapesNonASCII = false

    /// - Throws: `JinjaError` naming a type that JSON has not.
    func text(of value: JinjaValue) throws(JinjaError) -> JinjaString {
        var output = JinjaString()
        try write(value, level: 0, into: &output)
        return output
    }

    private func write(_ value: JinjaValue, level: Int, into output: inout JinjaString) throws(JinjaError) {
        switch value {
        case .none: output.append("null")
        case .bool(let value): output.append(value ? "true" : "false")
        case .integer(let value): output.append(String(value))
        case .float(let value): output.append(Self.text(of: value))
        case .string(let text): write(text, into: &output)
        case .list(let list) where list.kind.isPlain:
            output.append("[")
            for (index, item) in list.items.enumerated() {
                separate(index, level, &output)
                try write(item, level: level + 1, into: &output)
            }
            close("]", isEmpty: list.items.isEmpty, level, &output)
        case .dictionary(let dictionary):
            output.append("{")
            for (index, entry) in try ordered(dictionary).enumerated() {
                separate(index, level, &output)
                write(try key(entry.key), into: &output)
                output.append(keySeparator)
                try write(entry.value, level: level + 1, into: &output)
            }
            close("}", isEmpty: dictionary.count == 0, level, &output)
        case .undefined, .list, .namespace, .loop, .macro, .function, .method:
            throw JinjaError(
                value.isUndefined ? .undefined : .value, "'tojson' of \(value.described)",
                expected: "text, a number, a list or a dictionary")
        }
    }

    private func separate(_ index: Int, _ level: Int, _ output: inout JinjaString) {
        if index > 0 { output.append(itemSeparator) }
        startLine(level + 1, &output)
    }

    private func close(_ bracket: String, isEmpty: Bool, _ level: Int, _ output: inout JinjaString) {
        if !isEmpty { startLine(level, &output) }
        output.append(bracket)
    }

    private func startLine(_ level: Int, _ output: inout JinjaString) {
        guard let indent else { return }
        output.append("\n")
        for _ in 0..<level { output.append(indent) }
    }

    private func ordered(
        _ dictionary: JinjaDictionary
    ) throws(JinjaError) -> [(key: JinjaValue, value: JinjaValue)] {
        guard sortsKeys else { return dictionary.entries }
        var failure: JinjaError?
        let sorted = dictionary.entries.sorted { a, b in
            do throws(JinjaError) { return try a.key.precedes(b.key) } catch { failure = failure ?? error }
            return false
        }
        if let failure { throw failure }
        return sorted
    }

    private func key(_ key: JinjaValue) throws(JinjaError) -> JinjaString {
        switch key {
        case .string(let text): text
        case .none: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): JinjaString(String(value))
        case .float(let value): JinjaString(Self.text(of: value))
        default: throw JinjaError(.value, "'tojson' of a key of type \(key.typeName)", expected: "text")
        }
    }

    private static func text(of number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number < 0 ? "-Infinity" : "Infinity" }
        return JinjaValue.text(of: number)
    }

    private func write(_ text: JinjaString, into output: inout JinjaString) {
        output.append("\"")
        text.forEach { scalar, isForeign in
            let escaped: String
            switch scalar {
            case "\"": escaped = "\\\""
            case "\\": escaped = "\\\\"
            case "\n": escaped = "\\n"
            case "\r": escaped = "\\r"
            case "\t": escaped = "\\t"
            case "\u{8}": escaped = "\\b"
            case "\u{c}": escaped = "\\f"
            case _ where scalar.value < 0x20 || escapesNonASCII && scalar.value > 0x7e:
                let units = scalar.value == 0x7f ? [] : Array(String(scalar).utf16)
                escaped =
                    units.isEmpty
                    ? String(scalar) : units.map { "\\u" + JinjaValue.hex(UInt32($0), digits: 4) }.joined()
            default:
                output.append(scalar, isForeign: isForeign)
                return
            }
            output.append(escaped.unicodeScalars, isForeign: isForeign)
        }
        output.append("\"")
    }
}
