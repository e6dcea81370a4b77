/// The filters of lists and dictionaries.
extension JinjaRenderer {
    mutating func applyToList(
        _ filter: JinjaFilter, _ value: JinjaValue, _ operands: JinjaOperands
    ) throws(JinjaError) -> JinjaValue {
        switch filter {
        case .length:
            _ = try operands.bound()
            return .integer(try length(of: value))
        case .first, .last:
            _ = try operands.bound()
            let items = try elements(of: value)
            return (filter == .first ? items.first : items.last) ?? .undefined("\(filter.rawValue) item of nothing")
        case .list:
            _ = try operands.bound()
            return try list(try elements(of: value))
        case .reverse:
            _ = try operands.bound()
            if case .string(let text) = value { return try string(text.reversed) }
            return try list(try elements(of: value).reversed())
        case .items:
            _ = try operands.bound()
            if value.isUndefined { return try list([]) }
            guard case .dictionary(let dictionary) = value else { throw wrong(value, filter, "a dictionary") }
            return try items(of: dictionary)
        case .join:
            let values = try operands.bound(to: "d", "attribute")
            let items = try attributes(values[1], of: try elements(of: value))
            return .string(
                try joined(items, by: try text(of: values[0] ?? .text("")), converting: true))
        case .sum:
            let values = try operands.bound(to: "attribute", "start")
            return try sum(try attributes(values[0], of: try elements(of: value)), from: values[1] ?? .integer(0))
        case .dictsort: return try sortedItems(value, operands)
        default: return try applyInOrder(filter, value, operands)
        }
    }

    private func wrong(_ value: JinjaValue, _ filter: JinjaFilter, _ expected: String) -> JinjaError {
        JinjaError(
            value.isUndefined ? .undefined : .value, "'\(filter.rawValue)' of \(value.described)", expected: expected)
    }

    private func length(of value: JinjaValue) throws(JinjaError) -> Int {
        switch value {
        case .string(let text): text.count
        case .list(let list): list.items.count
        case .dictionary(let dictionary): dictionary.count
        case .undefined: 0
        case .loop(let loop): loop.length
        default: throw wrong(value, .length, "text, a list or a dictionary")
        }
    }

    private mutating func sum(_ items: [JinjaValue], from start: JinjaValue) throws(JinjaError) -> JinjaValue {
        let rest = items.map { (operation: JinjaOperator.add, operand: JinjaExpression.constant($0)) }
        return try arithmetic(.constant(start), rest)
    }

    // MARK: Order

    /// sort, unique, min and max, all by an attribute if one is named, and in no case unless asked.
    private mutating func applyInOrder(
        _ filter: JinjaFilter, _ value: JinjaValue, _ operands: JinjaOperands
    ) throws(JinjaError) -> JinjaValue {
        let values: [JinjaValue?]
        var isReversed = false
        if filter == .sort {
            let bound = try operands.bound(to: "reverse", "case_sensitive", "attribute")
            isReversed = bound[0]?.isTrue ?? false
            values = Array(bound.dropFirst())
        } else {
            values = try operands.bound(to: "case_sensitive", "attribute")
        }
        let items = try elements(of: value)
        let keys = try sortKeys(try attributes(values[1], of: items), isCaseSensitive: values[0]?.isTrue ?? false)
        switch filter {
        case .sort: return try list(try order(of: keys, isReversed: isReversed).map { items[$0] })
        case .unique:
            var seen = JinjaDictionary()
            var kept: [JinjaValue] = []
            for (item, key) in zip(items, keys) {
                try charge((key.string?.count ?? 0) / 8 + JinjaLimits.elementCost)
                guard seen[key] == nil else { continue }
                try seen.set(key, .none)
                kept.append(item)
            }
            return try list(kept)
        default:
            guard var best = keys.indices.first else { return .undefined("'\(filter.rawValue)' of nothing") }
            for index in keys.indices.dropFirst() {
                try charge(JinjaLimits.elementCost)
                try chargeForComparing(keys[index], keys[best])
                let isBetter =
                    filter == .min ? try keys[index].precedes(keys[best]) : try keys[best].precedes(keys[index])
                if isBetter { best = index }
            }
            return items[best]
        }
    }

    /// dictsort: the items of a dictionary by key or value.
    private mutating func sortedItems(_ value: JinjaValue, _ operands: JinjaOperands) throws(JinjaError) -> JinjaValue {
        guard case .dictionary(let dictionary) = value else { throw wrong(value, .dictsort, "a dictionary") }
        let values = try operands.bound(to: "case_sensitive", "by", "reverse")
        let by = try operands.text(values[1])?.text ?? "key"
        guard by == "key" || by == "value" else {
            throw JinjaError(.value, "'dictsort' by '\(by)'", expected: "'key' or 'value'")
        }
        let keys = try sortKeys(
            by == "key" ? dictionary.keys : dictionary.values, isCaseSensitive: values[0]?.isTrue ?? false)
        let order = try order(of: keys, isReversed: values[2]?.isTrue ?? false)
        return try list(order.map { .tuple([dictionary.entries[$0].key, dictionary.entries[$0].value]) })
    }

    private mutating func sortKeys(_ keys: [JinjaValue], isCaseSensitive: Bool) throws(JinjaError) -> [JinjaValue] {
        guard !isCaseSensitive else { return keys }
        var lowered: [JinjaValue] = []
        for key in keys {
            if case .string(let text) = key {
                try charge(text.count)
                lowered.append(.string(text.lowercased))
            } else {
                lowered.append(key)
            }
        }
        return lowered
    }

    /// The places of the keys in ascending order, equal ones as they stand.
    private mutating func order(of keys: [JinjaValue], isReversed: Bool) throws(JinjaError) -> [Int] {
        // Every comparison is paid for at most: a sort makes fewer than 2 n log n.
        let rounds = keys.count.bitWidth - keys.count.leadingZeroBitCount
        for key in keys {
            for _ in 0..<rounds { try chargeForComparing(key, key) }
            try charge(JinjaLimits.elementCost * rounds)
        }
        var failure: JinjaError?
        let order = keys.indices.sorted { a, b in
            do throws(JinjaError) {
                let (first, second) = isReversed ? (keys[b], keys[a]) : (keys[a], keys[b])
                if try first.precedes(second) { return true }
                return try second.precedes(first) ? false : a < b
            } catch {
                failure = failure ?? error
                return a < b
            }
        }
        if let failure { throw failure }
        return order
    }

    // MARK: Item by item

    /// The attribute of each item, such as "function.name" or 0; the items themselves if none is named.
    private mutating func attributes(
        _ path: JinjaValue?, of items: [JinjaValue], fallback: JinjaValue? = nil
    ) throws(JinjaError) -> [JinjaValue] {
        guard let path, !path.isNone else { return items }
        let steps: [JinjaValue] = path.printed.split(".").map { step in
            step.consists(of: \.isPythonDigit) ? Int(step.text).map { .integer($0) } ?? .string(step) : .string(step)
        }
        var values: [JinjaValue] = []
        for var value in items {
            for step in steps {
                try charge(JinjaLimits.nodeCost)
                value = try item(step, of: value)
                if value.isUndefined, let fallback { value = fallback }
            }
            values.append(value)
        }
        return values
    }

    /// map, select, reject, selectattr and rejectattr.
    mutating func applyToEach(
        _ filter: JinjaFilter, _ value: JinjaValue, _ operands: JinjaOperands
    ) throws(JinjaError) -> JinjaValue {
        // Whatever is empty or nothing counts as an empty list.
        let items = value.isTrue ? try elements(of: value) : []
        if filter == .map { return try mapped(items, operands) }
        var operands = operands
        var tested = items
        if filter == .selectattr || filter == .rejectattr {
            guard let path = operands.positional.first else {
                throw JinjaError(.value, "'\(filter.rawValue)' without an attribute", expected: "its name")
            }
            tested = try attributes(path, of: items)
            operands = operands.dropping(1)
        }
        let keeps = filter == .select || filter == .selectattr
        var test: JinjaTest?
        if let name = operands.positional.first {
            guard case .string(let text) = name, let known = JinjaTest(named: text.text) else {
                throw JinjaError(.unsupported, "unknown test '\(name.printed.text)' in '\(filter.rawValue)'")
            }
            test = known
            operands = operands.dropping(1)
        }
        var kept: [JinjaValue] = []
        for (item, value) in zip(items, tested) {
            try charge(JinjaLimits.nodeCost)
            let holds =
                try test.map { test throws(JinjaError) in try self.holds(test, value, operands) } ?? value.isTrue
            if holds == keeps { kept.append(item) }
        }
        return try list(kept)
    }

    private mutating func mapped(_ items: [JinjaValue], _ operands: JinjaOperands) throws(JinjaError) -> JinjaValue {
        guard let name = operands.positional.first else {
            let path = operands.named.first { $0.name == "attribute" }?.value
            guard let path, operands.named.allSatisfy({ $0.name == "attribute" || $0.name == "default" }) else {
                throw JinjaError(.value, "'map' without a filter", expected: "a filter's name, or 'attribute='")
            }
            let fallback = operands.named.first { $0.name == "default" }?.value
            return try list(try attributes(path, of: items, fallback: fallback))
        }
        guard case .string(let text) = name, let filter = JinjaFilter(named: text.text) else {
            throw JinjaError(.unsupported, "unknown filter '\(name.printed.text)' in 'map'")
        }
        let operands = operands.dropping(1)
        var results: [JinjaValue] = []
        for item in items {
            results.append(try nested { r throws(JinjaError) in try r.apply(filter, to: item, operands) })
        }
        return try list(results)
    }
}
