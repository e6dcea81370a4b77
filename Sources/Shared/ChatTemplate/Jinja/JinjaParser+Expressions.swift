extension JinjaParser {
    static let constants: [String: JinjaValue] = [
        "true": .bool(true), "True": .bool(true), "false": .bool(false), "False": .bool(false), "none": .none,
        "None": .none,
    ]

    /// expression [, expression ...]: what a tag or a pair of brackets holds.
    mutating func parseTuple(allowsCondition: Bool = true, inBrackets: Bool = false) throws(JinjaError)
        -> JinjaExpression
    {
        var items: [JinjaExpression] = []
        var isTuple = inBrackets && at(")")
        while !(at(")") || current.kind == .blockEnd || current.kind == .outputEnd) || items.isEmpty && !isTuple {
            items.append(
                allowsCondition ? try parseExpression() : try nested { p throws(JinjaError) in try p.parseOr() })
            guard skip(",") else { break }
            isTuple = true
        }
        return isTuple ? .tuple(items) : items[0]
    }

    /// or [if or [else expression]]
    mutating func parseExpression() throws(JinjaError) -> JinjaExpression {
        try nested { parser throws(JinjaError) in
            let value = try parser.parseOr()
            guard parser.skip(name: "if") else { return value }
            let condition = try parser.parseOr()
            let otherwise: JinjaExpression? = parser.skip(name: "else") ? try parser.parseExpression() : nil
            return .conditional(value, condition: condition, otherwise: otherwise)
        }
    }

    /// and or and ...
    mutating func parseOr() throws(JinjaError) -> JinjaExpression {
        var operands = [try parseAnd()]
        while skip(name: "or") { operands.append(try parseAnd()) }
        return operands.count == 1 ? operands[0] : .or(operands)
    }

    /// not and not ...
    private mutating func parseAnd() throws(JinjaError) -> JinjaExpression {
        var operands = [try parseNot()]
        while skip(name: "and") { operands.append(try parseNot()) }
        return operands.count == 1 ? operands[0] : .and(operands)
    }

    private mutating func parseNot() throws(JinjaError) -> JinjaExpression {
        guard skip(name: "not") else { return try parseComparison() }
        return .not(try nested { parser throws(JinjaError) in try parser.parseNot() })
    }

    /// sum < sum == sum ...
    private mutating func parseComparison() throws(JinjaError) -> JinjaExpression {
        let first = try parseSum()
        var rest: [(operation: JinjaComparison, operand: JinjaExpression)] = []
        while let operation = readComparison() { rest.append((operation, try parseSum())) }
        return rest.isEmpty ? first : .comparison(first, rest)
    }

    private mutating func readComparison() -> JinjaComparison? {
        if at(name: "not"), following.kind == .name("in") {
            advance()
            advance()
            return .notIn
        }
        let operation: JinjaComparison?
        switch current.kind {
        case .symbol(let symbol): operation = JinjaComparison(rawValue: symbol)
        case .name("in"): operation = .in
        default: operation = nil
        }
        if operation != nil { advance() }
        return operation
    }

    /// concatenation + concatenation - ...
    private mutating func parseSum() throws(JinjaError) -> JinjaExpression {
        let first = try parseConcatenation()
        var rest: [(operation: JinjaOperator, operand: JinjaExpression)] = []
        while let operation = readOperator([.add, .subtract]) { rest.append((operation, try parseConcatenation())) }
        return rest.isEmpty ? first : .arithmetic(first, rest)
    }

    /// product ~ product ...
    private mutating func parseConcatenation() throws(JinjaError) -> JinjaExpression {
        var operands = [try parseProduct()]
        while skip("~") { operands.append(try parseProduct()) }
        return operands.count == 1 ? operands[0] : .concatenation(operands)
    }

    /// power * power / ...
    private mutating func parseProduct() throws(JinjaError) -> JinjaExpression {
        let first = try parsePower()
        var rest: [(operation: JinjaOperator, operand: JinjaExpression)] = []
        while let operation = readOperator([.multiply, .divide, .floorDivide, .remainder]) {
            rest.append((operation, try parsePower()))
        }
        return rest.isEmpty ? first : .arithmetic(first, rest)
    }

    /// signed ** signed ..., from the left
    private mutating func parsePower() throws(JinjaError) -> JinjaExpression {
        let first = try parseSigned()
        var rest: [(operation: JinjaOperator, operand: JinjaExpression)] = []
        while let operation = readOperator([.power]) { rest.append((operation, try parseSigned())) }
        return rest.isEmpty ? first : .arithmetic(first, rest)
    }

    private mutating func readOperator(_ wanted: [JinjaOperator]) -> JinjaOperator? {
        guard case .symbol(let symbol) = current.kind, let operation = JinjaOperator(rawValue: symbol),
            wanted.contains(operation)
        else { return nil }
        advance()
        return operation
    }

    /// A value with its sign and suffixes; a filter takes the sign along.
    private mutating func parseSigned(takesFilters: Bool = true) throws(JinjaError) -> JinjaExpression {
        let value: JinjaExpression
        if at("-") || at("+") {
            let isNegative = at("-")
            value = .sign(
                isNegative: isNegative,
                try nested { parser throws(JinjaError) in
                    parser.advance()
                    return try parser.parseSigned(takesFilters: false)
                })
        } else {
            value = try parsePrimary()
        }
        return try parseSuffixes(of: value, takesFilters: takesFilters)
    }

    /// A constant, a variable, or something in brackets.
    mutating func parsePrimary() throws(JinjaError) -> JinjaExpression {
        switch current.kind {
        case .name(let name):
            advance()
            return Self.constants[name].map { .constant($0) } ?? .variable(name)
        case .string(var text):
            advance()
            while case .string(let more) = current.kind {
                text.append(more)
                advance()
            }
            return .constant(.string(text))
        case .integer(let value):
            advance()
            return .constant(.integer(value))
        case .float(let value):
            advance()
            return .constant(.float(value))
        case .symbol("("):
            return try nested { parser throws(JinjaError) in
                parser.advance()
                let value = try parser.parseTuple(inBrackets: true)
                try parser.expect(")")
                return value
            }
        case .symbol("["): return try nested { parser throws(JinjaError) in try parser.parseList() }
        case .symbol("{"): return try nested { parser throws(JinjaError) in try parser.parseDictionary() }
        default: throw unexpected(expected: "a value")
        }
    }

    private mutating func parseList() throws(JinjaError) -> JinjaExpression {
        advance()
        var items: [JinjaExpression] = []
        while !skip("]") {
            if !items.isEmpty {
                try expect(",")
                if skip("]") { break }
            }
            items.append(try parseExpression())
        }
        return .list(items)
    }

    private mutating func parseDictionary() throws(JinjaError) -> JinjaExpression {
        advance()
        var entries: [(key: JinjaExpression, value: JinjaExpression)] = []
        while !skip("}") {
            if !entries.isEmpty {
                try expect(",")
                if skip("}") { break }
            }
            let key = try parseExpression()
            try expect(":")
            entries.append((key, try parseExpression()))
        }
        return .dictionary(entries)
    }
}
