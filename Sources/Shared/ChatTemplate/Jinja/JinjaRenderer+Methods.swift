extension JinjaRenderer {
    /// value.name(operands)
    mutating func callMethod(
        _ name: JinjaString, of value: JinjaValue, _ operands: JinjaOperands
    ) throws(JinjaError) -> JinjaValue {
        let name = name.text
        switch value {
        case .string(let text) where JinjaMethods.texts.contains(name):
            try charge(text.count)
            return try textMethod(name, text, operands)
        case .dictionary(let dictionary) where JinjaMethods.dictionaries.contains(name):
            return try dictionaryMethod(name, dictionary, operands)
        case .list(let list) where JinjaMethods.names(of: value).contains(name):
            return try listMethod(name, list, operands)
        case .loop(let loop) where name == "cycle":
            guard !operands.positional.isEmpty else {
                throw JinjaError(.value, "'loop.cycle' without arguments", expected: "at least one")
            }
            return operands.positional[loop.index % operands.positional.count]
        case .loop(let loop) where name == "changed":
            let last = lastSeen.updateValue(operands.positional, forKey: loop.serial)
            for value in operands.positional { try chargeForPrinting(value) }
            return .bool(last != operands.positional)
        case .namespace, .dictionary: return try call(try attribute(JinjaString(name), of: value), operands)
        case .undefined(let what): throw JinjaError(.undefined, "attribute '\(name)' of undefined \(what)")
        default:
            let known = JinjaMethods.names(of: value)
            throw JinjaError(
                .unsupported, "method '\(name)' of \(value.described)",
                expected: known.isEmpty ? nil : "one of " + JinjaParser.names(Array(known)))
        }
    }

    private func refusal(_ name: String, _ type: String) -> JinjaError {
        JinjaError(.unsupported, "method '\(name)', which changes a \(type)", expected: "a namespace for what changes")
    }

    private mutating func dictionaryMethod(
        _ name: String, _ dictionary: JinjaDictionary, _ operands: JinjaOperands
    ) throws(JinjaError) -> JinjaValue {
        switch name {
        case "get":
            guard operands.named.isEmpty else {
                throw JinjaError(.value, "'get' with a named argument", expected: "get(key, default)")
            }
            let values = try operands.bound(to: "key", "default", required: 1)
            try charge((values[0]!.string?.count ?? 0) / 8)
            return dictionary[values[0]!] ?? values[1] ?? .none
        case "items":
            _ = try operands.bound()
            return try items(of: dictionary)
        case "keys":
            _ = try operands.bound()
            return try list(dictionary.keys, .keys)
        case "values":
            _ = try operands.bound()
            return try list(dictionary.values, .values)
        case "copy": return .dictionary(dictionary)
        default: throw refusal(name, "dict")
        }
    }

    mutating func items(of dictionary: JinjaDictionary) throws(JinjaError) -> JinjaValue {
        try charge(2 * JinjaLimits.elementCost * dictionary.count)
        return try list(dictionary.entries.map { .tuple([$0.key, $0.value]) }, .items)
    }

    private mutating func listMethod(
        _ name: String, _ list: JinjaList, _ operands: JinjaOperands
    ) throws(JinjaError) -> JinjaValue {
        switch name {
        case "count", "index":
            let wanted = try operands.bound(to: "value", required: 1)[0]!
            var count = 0
            for (index, item) in list.items.enumerated() {
                try charge(JinjaLimits.elementCost)
                try chargeForComparing(item, wanted)
                guard item == wanted else { continue }
                if name == "index" { return .integer(index) }
                count += 1
            }
            guard name == "count" else { throw JinjaError(.value, "'index' of what is not in the list") }
            return .integer(count)
        case "copy": return .list(list)
        default: throw refusal(name, "list")
        }
    }

    // MARK: Texts

    private mutating func textMethod(
        _ name: String, _ text: JinjaString, _ operands: JinjaOperands
    ) throws(JinjaError) -> JinjaValue {
        switch name {
        case "upper", "lower", "title", "capitalize", "isalnum", "isalpha", "isdecimal", "isdigit", "islower",
            "isspace", "isupper":
            _ = try operands.bound()
            return Self.plainMethod(name, text)
        case "strip", "lstrip", "rstrip":
            let set = try operands.text(try operands.bound(to: "chars")[0])
            return .string(text.trimmed(set, left: name != "rstrip", right: name != "lstrip"))
        case "split", "rsplit": return try split(text, operands, fromRight: name == "rsplit")
        case "splitlines":
            let keeps = try operands.bound(to: "keepends")[0]?.isTrue ?? false
            return try list(text.lines(keepingEnds: keeps).map { .string($0) })
        case "startswith", "endswith": return try hasEnd(text, operands, atStart: name == "startswith")
        case "removeprefix", "removesuffix":
            let part = try requiredText("part", operands)
            if name == "removeprefix" {
                return .string(text.hasPrefix(part) ? text[part.count..<text.count] : text)
            }
            return .string(text.hasSuffix(part) ? text[0..<text.count - part.count] : text)
        case "replace":
            let values = try operands.bound(to: "old", "new", "count", required: 2)
            let (old, new) = (try operands.text(values[0]), try operands.text(values[1]))
            let limit = try operands.integer(values[2]) ?? -1
            return try replaced(text, old ?? JinjaString(), new ?? JinjaString(), limit: limit)
        case "partition", "rpartition": return try partition(text, operands, fromRight: name == "rpartition")
        case "find", "rfind": return try find(text, operands, fromRight: name == "rfind")
        case "format": return .string(try formatted(text, operands))
        case "count":
            let part = try requiredText("sub", operands)
            return .integer(part.isEmpty ? text.count + 1 : text.occurrences(of: part).count)
        default:
            let items = try elements(of: try operands.bound(to: "iterable", required: 1)[0]!)
            return .string(try joined(items, by: text, converting: false))
        }
    }

    private static func plainMethod(_ name: String, _ text: JinjaString) -> JinjaValue {
        switch name {
        case "upper": .string(text.uppercased)
        case "lower": .string(text.lowercased)
        case "title": .string(text.titlecased)
        case "capitalize": .string(text.capitalized)
        case "isalnum": .bool(text.consists(of: \.isPythonAlphanumeric))
        case "isalpha": .bool(text.consists(of: \.isPythonLetter))
        case "isdecimal": .bool(text.consists(of: \.isPythonDecimal))
        case "isdigit": .bool(text.consists(of: \.isPythonDigit))
        case "islower": .bool(text.isLowercase)
        case "isupper": .bool(text.isUppercase)
        default: .bool(text.consists(of: \.isPythonSpace))
        }
    }

    private func requiredText(_ name: String, _ operands: JinjaOperands) throws(JinjaError) -> JinjaString {
        let value = try operands.bound(to: name, required: 1)[0]!
        guard let text = try operands.text(value) else {
            throw JinjaError(.value, "\(operands.construct) with \(value.described)", expected: "text")
        }
        return text
    }

    private mutating func split(
        _ text: JinjaString, _ operands: JinjaOperands, fromRight: Bool
    ) throws(JinjaError) -> JinjaValue {
        let values = try operands.bound(to: "sep", "maxsplit")
        let limit = try operands.integer(values[1]).flatMap { $0 < 0 ? nil : $0 } ?? .max
        try charge(JinjaLimits.elementCost * text.count)
        guard let separator = try operands.text(values[0]) else {
            return try list(text.words(limit: limit, fromRight: fromRight).map { .string($0) })
        }
        guard !separator.isEmpty else { throw JinjaError(.value, "a split by an empty text", expected: "a separator") }
        return try list(text.split(separator, limit: limit, fromRight: fromRight).map { .string($0) })
    }

    private mutating func hasEnd(
        _ text: JinjaString, _ operands: JinjaOperands, atStart: Bool
    ) throws(JinjaError) -> JinjaValue {
        let value = try operands.bound(to: "part", required: 1)[0]!
        let parts: [JinjaValue]
        if case .list(let list) = value, list.kind == .tuple { parts = list.items } else { parts = [value] }
        for part in parts {
            guard case .string(let part) = part else {
                throw JinjaError(
                    part.isUndefined ? .undefined : .value, "\(operands.construct) with \(part.described)",
                    expected: "text")
            }
            try charge(min(part.count, text.count) / 8 + 1)
            if atStart ? text.hasPrefix(part) : text.hasSuffix(part) { return .bool(true) }
        }
        return .bool(false)
    }

    private mutating func partition(
        _ text: JinjaString, _ operands: JinjaOperands, fromRight: Bool
    ) throws(JinjaError) -> JinjaValue {
        let separator = try requiredText("sep", operands)
        guard !separator.isEmpty else { throw JinjaError(.value, "a split by an empty text", expected: "a separator") }
        let parts = text.split(separator, limit: 1, fromRight: fromRight)
        let empty = JinjaValue.string(JinjaString())
        if parts.count == 2 {
            let place = parts[0].count
            let between = text[place..<place + separator.count]
            return .tuple([.string(parts[0]), .string(between), .string(parts[1])])
        }
        return .tuple(fromRight ? [empty, empty, .string(text)] : [.string(text), empty, empty])
    }

    private mutating func find(
        _ text: JinjaString, _ operands: JinjaOperands, fromRight: Bool
    ) throws(JinjaError) -> JinjaValue {
        let values = try operands.bound(to: "sub", "start", "end", required: 1)
        let part = try operands.text(values[0]) ?? JinjaString()
        let range = JinjaSlice(try operands.integer(values[1]), try operands.integer(values[2]), 1, count: text.count)
        let bounds = range.contiguous!
        let within = text[bounds]
        if fromRight {
            let index = within.reversed.firstIndex(of: part.reversed)
            return .integer(index.map { bounds.upperBound - $0 - part.count } ?? -1)
        }
        return .integer(within.firstIndex(of: part).map { $0 + bounds.lowerBound } ?? -1)
    }

    /// Pays for the result before it is made.
    mutating func replaced(
        _ text: JinjaString, _ old: JinjaString, _ new: JinjaString, limit: Int
    ) throws(JinjaError) -> JinjaValue {
        let limit = limit < 0 ? Int.max : limit
        try charge(2 * text.count)
        let times = min(limit, old.isEmpty ? text.count + 1 : text.occurrences(of: old, limit: limit).count)
        let (cost, overflows) = times.multipliedReportingOverflow(by: new.count)
        try charge(overflows ? .max : cost)
        return .string(text.replacing(old, with: new, limit: limit))
    }

    /// - Parameter converting: whether items that are no texts are printed; else they are an error.
    mutating func joined(
        _ items: [JinjaValue], by separator: JinjaString, converting: Bool
    ) throws(JinjaError) -> JinjaString {
        var result = JinjaString()
        for (index, item) in items.enumerated() {
            guard converting || item.string != nil else {
                throw JinjaError(
                    item.isUndefined ? .undefined : .value, "'join' of \(item.described)", expected: "texts")
            }
            let text = try text(of: item)
            try charge(separator.count + text.count)
            if index > 0 { result.append(separator) }
            result.append(text)
        }
        return result
    }
}
