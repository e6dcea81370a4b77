extension JinjaRenderer {
    mutating func evaluate(_ expression: JinjaExpression) throws(JinjaError) -> JinjaValue {
        switch expression {
        case .constant(let value): return value
        case .variable(let name):
            try charge(JinjaLimits.nodeCost)
            return variable(name)
        default: return try nested { renderer throws(JinjaError) in try renderer.evaluateCompound(expression) }
        }
    }

    private mutating func evaluateCompound(_ expression: JinjaExpression) throws(JinjaError) -> JinjaValue {
        switch expression {
        case .constant(let value): value
        case .variable(let name): variable(name)
        case .list(let items): try list(try evaluate(items))
        case .tuple(let items): try list(try evaluate(items), .tuple)
        case .dictionary(let entries): try dictionary(entries)
        case .arithmetic(let first, let rest): try arithmetic(first, rest)
        case .comparison(let first, let rest): try comparison(first, rest)
        case .concatenation(let operands): try concatenation(operands)
        case .and(let operands): try firstDecisive(operands, value: false)
        case .or(let operands): try firstDecisive(operands, value: true)
        case .not(let operand): .bool(!(try evaluate(operand).isTrue))
        case .sign(let isNegative, let operand): try signed(try evaluate(operand), isNegative: isNegative)
        case .conditional(let value, let condition, let otherwise):
            try conditional(value, condition, otherwise)
        case .chain(let base, let suffixes): try apply(suffixes, to: try evaluate(base))
        }
    }

    private mutating func evaluate(_ expressions: [JinjaExpression]) throws(JinjaError) -> [JinjaValue] {
        var values: [JinjaValue] = []
        values.reserveCapacity(expressions.count)
        for expression in expressions { values.append(try evaluate(expression)) }
        return values
    }

    mutating func evaluate(_ arguments: JinjaArguments, for construct: String) throws(JinjaError) -> JinjaOperands {
        var operands = JinjaOperands(construct: construct, positional: try evaluate(arguments.positional))
        for (name, value) in arguments.named { operands.named.append((name, try evaluate(value))) }
        return operands
    }

    private mutating func dictionary(
        _ entries: [(key: JinjaExpression, value: JinjaExpression)]
    ) throws(JinjaError) -> JinjaValue {
        var dictionary = JinjaDictionary()
        for (key, value) in entries {
            let key = try evaluate(key)
            try charge((key.string?.count ?? 0) / 8)
            try dictionary.set(key, try evaluate(value))
        }
        return try made(.dictionary(dictionary), of: 2 * entries.count)
    }

    private mutating func concatenation(_ operands: [JinjaExpression]) throws(JinjaError) -> JinjaValue {
        var joined = JinjaString()
        for operand in operands {
            let text = try text(of: try evaluate(operand))
            try charge(text.count)
            joined.append(text)
        }
        return .string(joined)
    }

    /// The first operand that decides an `and` or `or`, else the last.
    private mutating func firstDecisive(_ operands: [JinjaExpression], value: Bool) throws(JinjaError) -> JinjaValue {
        for operand in operands.dropLast() {
            let result = try evaluate(operand)
            if result.isTrue == value { return result }
        }
        return try evaluate(operands[operands.count - 1])
    }

    private mutating func conditional(
        _ value: JinjaExpression, _ condition: JinjaExpression, _ otherwise: JinjaExpression?
    ) throws(JinjaError) -> JinjaValue {
        if try evaluate(condition).isTrue { return try evaluate(value) }
        guard let otherwise else { return .undefined("value of an 'if' without 'else'") }
        return try evaluate(otherwise)
    }

    // MARK: Suffixes

    mutating func apply(_ suffixes: [JinjaSuffix], to base: JinjaValue) throws(JinjaError) -> JinjaValue {
        var value = base
        for suffix in suffixes {
            try charge(JinjaLimits.nodeCost)
            value = try apply(suffix, to: value)
        }
        return value
    }

    private mutating func apply(_ suffix: JinjaSuffix, to value: JinjaValue) throws(JinjaError) -> JinjaValue {
        switch suffix {
        case .attribute(let name): return try attribute(name, of: value)
        case .item(let index):
            let index = try evaluate(index)
            try charge((index.string?.count ?? 0) / 8)
            return try item(index, of: value)
        case .slice(let start, let end, let step): return try slice(value, start, end, step)
        case .call(let arguments): return try call(value, try evaluate(arguments, for: "a call of \(value.described)"))
        case .method(let name, let arguments):
            return try callMethod(name, of: value, try evaluate(arguments, for: "'\(name.text)'"))
        case .filter(let filter, let arguments):
            return try apply(filter, to: value, try evaluate(arguments, for: "'\(filter.rawValue)'"))
        case .test(let test, let arguments, let isNegated):
            return .bool(try holds(test, value, try evaluate(arguments, for: "'\(test.rawValue)'")) != isNegated)
        }
    }

    /// value.name: a method of the type if there is one, else what the value holds under that name.
    func attribute(_ name: JinjaString, of value: JinjaValue) throws(JinjaError) -> JinjaValue {
        let missing = JinjaValue.undefined("'\(name.text)' of \(value.typeName)")
        switch value {
        case .undefined(let what): throw JinjaError(.undefined, "attribute '\(name.text)' of undefined \(what)")
        case .dictionary(let dictionary):
            if JinjaMethods.names(of: value).contains(name.text) { return .method(name.text) }
            return dictionary[name: name] ?? missing
        case .namespace(let number): return namespaces[number][name: name] ?? missing
        case .loop(let loop): return loop.attribute(name.text) ?? missing
        case .string, .list: return JinjaMethods.names(of: value).contains(name.text) ? .method(name.text) : missing
        case .macro(let macro) where name.text == "name": return .text(macro.name)
        default: return missing
        }
    }

    /// value[index]
    func item(_ index: JinjaValue, of value: JinjaValue) throws(JinjaError) -> JinjaValue {
        switch (value, index) {
        case (.undefined(let what), _): throw JinjaError(.undefined, "an item of undefined \(what)")
        case (.dictionary(let dictionary), _):
            if let found = dictionary[index] { return found }
        case (.list(let list), _):
            if let place = index.integer, !list.kind.isView {
                let place = place < 0 ? place + list.items.count : place
                if list.items.indices.contains(place) { return list.items[place] }
            }
        case (.string(let text), _):
            if let place = index.integer {
                let place = place < 0 ? place + text.count : place
                if text.scalars.indices.contains(place) { return .string(text[place..<place + 1]) }
            }
        default: break
        }
        if case .string(let name) = index { return try attribute(name, of: value) }
        return .undefined("item \(index.printed.text) of \(value.typeName)")
    }

    private mutating func slice(
        _ value: JinjaValue, _ start: JinjaExpression?, _ end: JinjaExpression?, _ step: JinjaExpression?
    ) throws(JinjaError) -> JinjaValue {
        let start = try bound(start)
        let end = try bound(end)
        let step = try bound(step) ?? 1
        guard step != 0 else { throw JinjaError(.value, "a slice with step 0", expected: "another step") }
        switch value {
        case .string(let text):
            let range = JinjaSlice(start, end, step, count: text.count)
            try charge(range.indices.count)
            return .string(range.contiguous.map { text[$0] } ?? text.picking(range.indices))
        case .list(let list):
            let range = JinjaSlice(start, end, step, count: list.items.count)
            guard case .range(let first, _, let every) = list.kind else {
                guard !list.kind.isView else { throw noSlice(value) }
                return try self.list(range.indices.map { list.items[$0] }, list.kind)
            }
            let ends = range.ends
            return try self.list(
                range.indices.map { list.items[$0] },
                .range(start: first &+ ends.start &* every, stop: first &+ ends.stop &* every, step: every &* step))
        case .undefined(let what): throw JinjaError(.undefined, "a slice of undefined \(what)")
        default: throw noSlice(value)
        }
    }

    private func noSlice(_ value: JinjaValue) -> JinjaError {
        JinjaError(.value, "a slice of \(value.described)", expected: "text or a list")
    }

    private mutating func bound(_ expression: JinjaExpression?) throws(JinjaError) -> Int? {
        guard let expression else { return nil }
        let value = try evaluate(expression)
        if value.isNone { return nil }
        guard let integer = value.integer else {
            throw JinjaError(
                value.isUndefined ? .undefined : .value, "a slice from or to \(value.described)",
                expected: "an integer")
        }
        return integer
    }
}
