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

    // MARK: Numbers

    private mutating func applyToNumber(
        _ filter: JinjaFilter, _ value: JinjaValue, _ operands: JinjaOperands
    ) throws(JinjaError) -> JinjaValue {
        switch filter {
        case .int:
            let values = try operands.bound(to: "default", "base")
            return try integer(of: value, base: try operands.integer(values[1]) ?? 10) ?? values[0] ?? .integer(0)
        case .float:
            let values = try operands.bound(to: "default")
            if case .string(let text) = value {
                try charge(text.count)
                return Self.number(text).map { .float($0) } ?? values[0] ?? .float(0)
            }
            return try defined(value, filter).number.map { .float($0) } ?? values[0] ?? .float(0)
        case .abs:
            _ = try operands.bound()
            if let integer = value.integer, integer != .min { return .integer(Swift.abs(integer)) }
            guard let number = value.number else { throw wrongNumber(value, filter) }
            return .float(Swift.abs(number))
        default:
            let values = try operands.bound(to: "precision", "method")
            let method = try operands.text(values[1])?.text ?? "common"
            guard let rule = Self.roundings[method] else {
                throw JinjaError(.value, "'round' by '\(method)'", expected: "'common', 'ceil' or 'floor'")
            }
            guard let number = value.number else { throw wrongNumber(value, filter) }
            let precision = try operands.integer(values[0]) ?? 0
            // Python rounds an integer to an integer.
            if let integer = value.integer, precision >= 0, method == "common" { return .integer(integer) }
            let scale = pow(10, Double(precision))
            let rounded = (number * scale).rounded(rule) / scale
            return .float(rounded.isFinite ? rounded : number)
        }
    }

    private static let roundings: [String: FloatingPointRoundingRule] = [
        "common": .toNearestOrEven, "ceil": .up, "floor": .down,
    ]

    private func defined(_ value: JinjaValue, _ filter: JinjaFilter) throws(JinjaError) -> JinjaValue {
        guard !value.isUndefined else { throw wrongNumber(value, filter) }
        return value
    }

    private func wrongNumber(_ value: JinjaValue, _ filter: JinjaFilter) -> JinjaError {
        JinjaError(
            value.isUndefined ? .undefined : .value, "'\(filter.rawValue)' of \(value.described)",
            expected: "a number")
    }

    /// `int(value)`; nil for what is no number.
    private mutating func integer(of value: JinjaValue, base: Int) throws(JinjaError) -> JinjaValue? {
        if let integer = value.integer { return .integer(integer) }
        if case .string(let text) = value {
            try charge(text.count)
            let digits = text.trimmed().text.replacing("_", with: "")
            guard (2...36).contains(base) else { return nil }
            if let integer = Int(Self.withoutPrefix(digits, base: base), radix: base) { return .integer(integer) }
            return Self.number(text).flatMap { Int(exactly: $0.rounded(.towardZero)) }.map { .integer($0) }
        }
        guard let number = try defined(value, .int).number else { return nil }
        return Int(exactly: number.rounded(.towardZero)).map { .integer($0) }
    }

    private static func withoutPrefix(_ digits: String, base: Int) -> String {
        let prefix = [16: "0x", 8: "0o", 2: "0b"][base]
        guard let prefix, digits.lowercased().hasPrefix(prefix) else { return digits }
        return String(digits.dropFirst(2))
    }

    /// `float(text)`
    private static func number(_ text: JinjaString) -> Double? {
        let digits = text.trimmed().text
        // Swift reads hexadecimal numbers as well, Python does not.
        guard !digits.contains(where: { "xXpP".contains($0) }) else { return nil }
        return Double(digits.replacing("_", with: ""))
    }
}
