extension JinjaRenderer {
    mutating func arithmetic(
        _ first: JinjaExpression, _ rest: [(operation: JinjaOperator, operand: JinjaExpression)]
    ) throws(JinjaError) -> JinjaValue {
        var result = try evaluate(first)
        for (operation, operand) in rest { result = try combine(result, operation, try evaluate(operand)) }
        return result
    }

    private mutating func combine(
        _ a: JinjaValue, _ operation: JinjaOperator, _ b: JinjaValue
    ) throws(JinjaError) -> JinjaValue {
        if let a = a.integer, let b = b.integer { return try Self.combine(a, operation, b) }
        if let a = a.number, let b = b.number { return try Self.combine(a, operation, b) }
        switch (operation, a, b) {
        case (.add, .string(var a), .string(let b)):
            try charge(a.count + b.count)
            a.append(b)
            return .string(a)
        case (.add, .list(let a), .list(let b)) where a.kind == b.kind && a.kind.isPlain:
            return try list(a.items + b.items, a.kind)
        case (.multiply, .string, _), (.multiply, .list, _):
            if let times = b.integer, a.isRepeatable { return try repeated(a, times) }
        case (.multiply, _, .string), (.multiply, _, .list):
            if let times = a.integer, b.isRepeatable { return try repeated(b, times) }
        case (.remainder, .string, _):
            throw JinjaError(.unsupported, "formatting a text by '%'", expected: "'~', or two numbers")
        default: break
        }
        throw JinjaError(
            a.isUndefined || b.isUndefined ? .undefined : .value,
            "'\(operation.rawValue)' between \(a.described) and \(b.described)",
            expected: operation == .add ? "two numbers, texts or lists" : "two numbers")
    }

    private mutating func repeated(_ value: JinjaValue, _ times: Int) throws(JinjaError) -> JinjaValue {
        let times = max(times, 0)
        switch value {
        case .string(let text):
            let (cost, overflows) = text.count.multipliedReportingOverflow(by: times)
            try charge(overflows ? .max : cost)
            var result = JinjaString()
            if !text.isEmpty { for _ in 0..<times { result.append(text) } }
            return .string(result)
        case .list(let list):
            let (count, overflows) = list.items.count.multipliedReportingOverflow(by: times)
            try charge(overflows ? .max : min(count, .max / JinjaLimits.elementCost) * JinjaLimits.elementCost)
            let items = list.items.isEmpty ? [] : Array((0..<times).lazy.map { _ in list.items }.joined())
            return .list(JinjaList(items, list.kind))
        default: return value
        }
    }

    private static func combine(_ a: Int, _ operation: JinjaOperator, _ b: Int) throws(JinjaError) -> JinjaValue {
        let (value, overflows): (Int, Bool)
        switch operation {
        case .add: (value, overflows) = a.addingReportingOverflow(b)
        case .subtract: (value, overflows) = a.subtractingReportingOverflow(b)
        case .multiply: (value, overflows) = a.multipliedReportingOverflow(by: b)
        case .divide:
            guard b != 0 else { throw divisionByZero }
            return .float(Double(a) / Double(b))
        case .floorDivide, .remainder:
            guard b != 0 else { throw divisionByZero }
            let (quotient, isTooLarge) = a.dividedReportingOverflow(by: b)
            let rest = isTooLarge ? 0 : a % b
            let isRoundedUp = rest != 0 && (rest < 0) != (b < 0)
            if operation == .remainder { return .integer(isRoundedUp ? rest + b : rest) }
            (value, overflows) = (isRoundedUp ? quotient - 1 : quotient, isTooLarge)
        case .power:
            if b < 0 { return try combine(Double(a), .power, Double(b)) }
            (value, overflows) = power(a, b)
        }
        guard !overflows else {
            throw JinjaError(.value, "\(a) \(operation.rawValue) \(b)", expected: "a result of at most 64 bits")
        }
        return .integer(value)
    }

    private static func power(_ base: Int, _ exponent: Int) -> (Int, Bool) {
        if base == 0 || base == 1 { return (exponent == 0 ? 1 : base, false) }
        if base == -1 { return (exponent % 2 == 0 ? 1 : -1, false) }
        guard exponent < 64 else { return (0, true) }
        var result = 1
        for _ in 0..<exponent {
            let (product, overflows) = result.multipliedReportingOverflow(by: base)
            guard !overflows else { return (0, true) }
            result = product
        }
        return (result, false)
    }

    private static func combine(_ a: Double, _ operation: JinjaOperator, _ b: Double) throws(JinjaError) -> JinjaValue {
        switch operation {
        case .add: return .float(a + b)
        case .subtract: return .float(a - b)
        case .multiply: return .float(a * b)
        case .divide:
            guard b != 0 else { throw divisionByZero }
            return .float(a / b)
        case .floorDivide:
            guard b != 0 else { throw divisionByZero }
            return .float((a / b).rounded(.down))
        case .remainder:
            guard b != 0 else { throw divisionByZero }
            let rest = fmod(a, b)
            return .float(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest)
        case .power:
            let value = pow(a, b)
            guard value.isFinite || !a.isFinite || !b.isFinite else {
                throw JinjaError(.value, "\(a) ** \(b)", expected: "a finite number")
            }
            return .float(value)
        }
    }

    private static var divisionByZero: JinjaError { JinjaError(.value, "a division by 0", expected: "another divisor") }

    func signed(_ value: JinjaValue, isNegative: Bool) throws(JinjaError) -> JinjaValue {
        if let integer = value.integer {
            guard integer != .min || !isNegative else { throw JinjaError(.value, "-(\(integer))", expected: "64 bits") }
            return .integer(isNegative ? -integer : integer)
        }
        guard let number = value.number else {
            throw JinjaError(
                value.isUndefined ? .undefined : .value, "the sign of \(value.described)", expected: "a number")
        }
        return .float(isNegative ? -number : number)
    }

    // MARK: Comparison

    mutating func comparison(
        _ first: JinjaExpression, _ rest: [(operation: JinjaComparison, operand: JinjaExpression)]
    ) throws(JinjaError) -> JinjaValue {
        var left = try evaluate(first)
        for (operation, operand) in rest {
            let right = try evaluate(operand)
            guard try compare(left, operation, right) else { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    mutating func compare(
        _ a: JinjaValue, _ operation: JinjaComparison, _ b: JinjaValue
    ) throws(JinjaError) -> Bool {
        if case .in = operation { return try contains(b, a) }
        if case .notIn = operation { return !(try contains(b, a)) }
        try chargeForComparing(a, b)
        switch operation {
        case .equal: return a == b
        case .notEqual: return a != b
        case .less: return try a.precedes(b)
        case .greater: return try b.precedes(a)
        // Not the opposite of '<': no number is before or after one that is not a number.
        case .lessOrEqual: return try a.precedes(b) || a == b
        case .greaterOrEqual: return try b.precedes(a) || a == b
        case .in, .notIn: return false
        }
    }

    /// Pays for looking at everything in both; as much as in the smaller is enough for texts.
    mutating func chargeForComparing(_ a: JinjaValue, _ b: JinjaValue) throws(JinjaError) {
        switch (a, b) {
        case (.string(let a), .string(let b)): try charge(min(a.count, b.count) / 8)
        case (.list, .list), (.dictionary, .dictionary): try chargeForPrinting(a)
        default: break
        }
    }

    /// item in container
    mutating func contains(_ container: JinjaValue, _ item: JinjaValue) throws(JinjaError) -> Bool {
        switch container {
        case .string(let text):
            guard case .string(let part) = item else {
                throw JinjaError(
                    item.isUndefined ? .undefined : .value, "'in' a text of \(item.described)", expected: "text")
            }
            try charge(text.count + part.count)
            return text.firstIndex(of: part) != nil
        case .list(let list):
            for element in list.items {
                try charge(JinjaLimits.elementCost)
                try chargeForComparing(element, item)
                if element == item { return true }
            }
            return false
        case .dictionary(let dictionary):
            guard JinjaKey(item) != nil || item.isUndefined else {
                throw JinjaError(.value, "a key of type \(item.typeName)", expected: "text, a number or none")
            }
            try charge(JinjaLimits.elementCost + (item.string?.count ?? 0) / 8)
            return dictionary[item] != nil
        case .undefined: return false
        default:
            throw JinjaError(
                .value, "'in' \(container.described)", expected: "text, a list or a dictionary")
        }
    }
}
