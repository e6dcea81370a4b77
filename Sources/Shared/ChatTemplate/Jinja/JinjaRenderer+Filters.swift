/// The filters of texts, numbers and any values.
extension JinjaRenderer {
    /// value|filter(operands)
    mutating func apply(
        _ filter: JinjaFilter, to value: JinjaValue, _ operands: JinjaOperands
    ) throws(JinjaError) -> JinjaValue {
        switch filter {
        case .capitalize, .escape, .indent, .lower, .replace, .string, .title, .trim, .upper:
            return try applyToText(filter, try text(of: value), operands)
        case .abs, .float, .int, .round: return try applyToNumber(filter, value, operands)
        case .default:
            let values = try operands.bound(to: "default_value", "boolean")
            let isMissing = value.isUndefined || (values[1]?.isTrue ?? false) && !value.isTrue
            return isMissing ? values[0] ?? .text("") : value
        case .safe: return .string(try text(of: value))
        case .attr:
            let name = try operands.bound(to: "name", required: 1)[0]!
            guard case .string(let name) = name, !isItemOnly(value, name) else { return .undefined("attribute") }
            return try attribute(name, of: value)
        case .tojson: return try json(value, operands)
        case .map, .select, .reject, .selectattr, .rejectattr: return try applyToEach(filter, value, operands)
        default: return try applyToList(filter, value, operands)
        }
    }

    /// Whether the value has it as an item only, which the filter `attr` does not see.
    private func isItemOnly(_ value: JinjaValue, _ name: JinjaString) -> Bool {
        if case .dictionary = value { !JinjaMethods.dictionaries.contains(name.text) } else { false }
    }

    // MARK: Texts

    private mutating func applyToText(
        _ filter: JinjaFilter, _ text: JinjaString, _ operands: JinjaOperands
    ) throws(JinjaError) -> JinjaValue {
        try charge(text.count)
        switch filter {
        case .trim: return .string(text.trimmed(try operands.text(try operands.bound(to: "chars")[0])))
        case .replace:
            let values = try operands.bound(to: "old", "new", "count", required: 2)
            let limit = try operands.integer(values[2].flatMap { $0.isNone ? nil : $0 })
            return try replaced(text, try self.text(of: values[0]!), try self.text(of: values[1]!), limit: limit ?? -1)
        case .indent: return .string(try indented(text, operands))
        default: break
        }
        _ = try operands.bound()
        switch filter {
        case .upper: return .string(text.uppercased)
        case .lower: return .string(text.lowercased)
        case .capitalize: return .string(text.capitalized)
        case .title: return .string(text.headlined)
        case .escape:
            try charge(5 * text.count)
            return .string(text.mapped(Self.escaped))
        default: return .string(text)
        }
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "&": "&amp;"
        case "<": "&lt;"
        case ">": "&gt;"
        case "\"": "&#34;"
        case "'": "&#39;"
        default: String(scalar)
        }
    }

    private mutating func indented(_ text: JinjaString, _ operands: JinjaOperands) throws(JinjaError) -> JinjaString {
        let values = try operands.bound(to: "width", "first", "blank")
        var indentation = JinjaString()
        if case .string(let text) = values[0] {
            indentation = text
        } else {
            let width = max(try operands.integer(values[0]) ?? 4, 0)
            try charge(width)
            indentation.append(String(repeating: " ", count: width))
        }
        let lines =
            text.isEmpty
            ? [JinjaString()] : (text.lines() + (text.scalars.last!.isPythonLineEnd ? [JinjaString()] : []))
        var result = JinjaString()
        for (index, line) in lines.enumerated() {
            try charge(indentation.count + line.count)
            if index > 0 { result.append("\n") }
            let isIndented = index == 0 ? values[1]?.isTrue ?? false : !line.isEmpty || values[2]?.isTrue ?? false
            if isIndented { result.append(indentation) }
            result.append(line)
        }
        return result
    }

    private mutating func json(_ value: JinjaValue, _ operands: JinjaOperands) throws(JinjaError) -> JinjaValue {
        let values = try operands.bound(to: "ensure_ascii", "indent", "separators", "sort_keys")
        var indent: JinjaString?
        switch values[1] {
        case .string(let text): indent = text
        case nil, .some(.none): break
        case let width?:
            let width = max(try operands.integer(width) ?? 0, 0)
            try charge(width)
            indent = JinjaString(String(repeating: " ", count: width))
        }
        var separators = (item: JinjaString(indent == nil ? ", " : ","), key: JinjaString(": "))
        if let given = values[2], !given.isNone {
            guard case .list(let list) = given, list.items.count == 2, let item = list.items[0].string,
                let key = list.items[1].string
            else {
                throw JinjaError(.value, "'tojson' with separators \(given.described)", expected: "two texts")
            }
            separators = (item, key)
        }
        try chargeForJSON(value, level: 1, per: (indent?.count ?? 0) + separators.item.count + separators.key.count)
        let writer = JinjaJSON(
            indent: indent, itemSeparator: separators.item, keySeparator: separators.key,
            sortsKeys: values[3]?.isTrue ?? false, escapesNonASCII: values[0]?.isTrue ?? false)
        return .string(try writer.text(of: value))
    }

    /// Pays for the text of all values inside, which escapes make up to six times as long.
    private mutating func chargeForJSON(_ value: JinjaValue, level: Int, per level1: Int) throws(JinjaError) {
        let (cost, overflows) = level.multipliedReportingOverflow(by: level1)
        try charge(overflows ? .max : cost)
        switch value {
        case .string(let text): try charge(2 + 2 * text.count)
        case .list(let list):
            for item in list.items { try chargeForJSON(item, level: level + 1, per: level1) }
        case .dictionary(let dictionary):
            for (key, value) in dictionary.entries {
                try chargeForJSON(key, level: level + 1, per: level1)
                try chargeForJSON(value, level: level + 1, per: level1)
            }
        default: try charge(JinjaLimits.elementCost)
        }
    }
}
