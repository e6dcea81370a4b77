extension JinjaParser {
    /// What follows a value: attributes, items and calls; then filters, tests and more calls.
    mutating func parseSuffixes(of value: JinjaExpression, takesFilters: Bool) throws(JinjaError) -> JinjaExpression {
        var suffixes: [JinjaSuffix] = []
        while let suffix = try parseSuffix(of: value, after: suffixes.last) { suffixes.append(suffix) }
        while takesFilters {
            if skip("|") {
                suffixes.append(try parseFilter())
            } else if skip(name: "is") {
                suffixes.append(try parseTest(of: value, isFirst: suffixes.isEmpty))
            } else if at("(") {
                suffixes.append(.call(try parseArguments()))
            } else {
                break
            }
        }
        return suffixes.isEmpty ? value : .chain(value, suffixes)
    }

    private mutating func parseSuffix(
        of value: JinjaExpression, after previous: JinjaSuffix?
    ) throws(JinjaError) -> JinjaSuffix? {
        if at("(") {
            if previous == nil, case .variable(let name) = value { calledNames.append((name, line)) }
            return .call(try parseArguments())
        }
        if at("[") { return try nested { parser throws(JinjaError) in try parser.parseItem() } }
        guard skip(".") else { return nil }
        if case .integer(let index) = current.kind {
            advance()
            return .item(.constant(.integer(index)))
        }
        let name = JinjaString(try readName("an attribute"))
        return at("(") ? .method(name, try parseArguments()) : .attribute(name)
    }

    /// [index] or [start:end:step]
    private mutating func parseItem() throws(JinjaError) -> JinjaSuffix {
        advance()
        var bounds: [JinjaExpression?] = [nil]
        while !at("]") {
            if skip(":") {
                bounds.append(nil)
            } else if at(",") {
                throw unsupported("an index of several values", expected: "one")
            } else {
                guard bounds[bounds.count - 1] == nil else { throw unexpected(expected: "']'") }
                bounds[bounds.count - 1] = try parseExpression()
            }
        }
        advance()
        if bounds.count == 1 {
            guard let index = bounds[0] else { throw unexpected(expected: "an index") }
            return .item(index)
        }
        guard bounds.count <= 3 else { throw unexpected(expected: "at most start, end and step") }
        return .slice(bounds[0], bounds[1], bounds.count == 3 ? bounds[2] : nil)
    }

    /// (value, name = value)
    mutating func parseArguments() throws(JinjaError) -> JinjaArguments {
        try nested { parser throws(JinjaError) in
            parser.advance()
            var arguments = JinjaArguments()
            var isFirst = true
            while !parser.skip(")") {
                if !isFirst {
                    try parser.expect(",")
                    if parser.skip(")") { break }
                }
                isFirst = false
                if parser.at("*") || parser.at("**") {
                    throw parser.unsupported("arguments by '*'", expected: "a value")
                }
                if case .name(let name) = parser.current.kind, parser.following.kind == .symbol("=") {
                    parser.advance()
                    parser.advance()
                    arguments.named.append((name, try parser.parseExpression()))
                } else {
                    guard arguments.named.isEmpty else { throw parser.unexpected(expected: "a named argument") }
                    arguments.positional.append(try parser.parseExpression())
                }
            }
            return arguments
        }
    }

    /// name | name(arguments) ..., without the first bar
    mutating func parseFilters() throws(JinjaError) -> [JinjaSuffix] {
        var filters = [try parseFilter()]
        while skip("|") { filters.append(try parseFilter()) }
        return filters
    }

    private mutating func parseFilter() throws(JinjaError) -> JinjaSuffix {
        let line = line
        let name = try readDottedName("a filter")
        guard let filter = JinjaFilter(named: name) else {
            throw JinjaError(
                .unsupported, line: line, "unknown filter '\(name)'",
                expected: "one of " + Self.names(JinjaFilter.allCases.map(\.rawValue)))
        }
        let arguments = at("(") ? try parseArguments() : JinjaArguments()
        try check(arguments, of: filter, line)
        return .filter(filter, arguments)
    }

    /// Filters and tests that others apply are named by strings: those are looked up here as well.
    private func check(_ arguments: JinjaArguments, of filter: JinjaFilter, _ line: Int) throws(JinjaError) {
        let place: Int? =
            switch filter {
            case .map, .select, .reject: 0
            case .selectattr, .rejectattr: 1
            default: nil
            }
        guard let place, place < arguments.positional.count,
            case .constant(.string(let name)) = arguments.positional[place]
        else { return }
        if filter == .map ? JinjaFilter(named: name.text) == nil : JinjaTest(named: name.text) == nil {
            let kind = filter == .map ? "filter" : "test"
            throw JinjaError(.unsupported, line: line, "unknown \(kind) '\(name.text)' in '\(filter.rawValue)'")
        }
    }

    /// [not] name [argument]
    private mutating func parseTest(of value: JinjaExpression, isFirst: Bool) throws(JinjaError) -> JinjaSuffix {
        let line = line
        let isNegated = skip(name: "not")
        let name = try readDottedName("a test")
        guard let test = JinjaTest(named: name) else {
            throw JinjaError(
                .unsupported, line: line, "unknown test '\(name)'",
                expected: "one of " + Self.names(JinjaTest.allCases.map(\.rawValue)))
        }
        if isFirst, test == .defined || test == .undefined || test == .callable, case .variable(let asked) = value {
            boundNames.insert(asked)
        }
        var arguments = JinjaArguments()
        if at("(") {
            arguments = try parseArguments()
        } else if beginsOperand {
            let operand = try nested { parser throws(JinjaError) in try parser.parsePrimary() }
            arguments.positional = [try parseSuffixes(of: operand, takesFilters: false)]
        }
        guard arguments.named.isEmpty, arguments.positional.count == test.operands else {
            throw JinjaError(
                .syntax, line: line, "test '\(name)' with \(arguments.positional.count) arguments",
                expected: "\(test.operands)")
        }
        if at(name: "is") { throw unexpected(expected: "one test of a value") }
        return .test(test, arguments, isNegated: isNegated)
    }

    /// Whether the argument of a test follows without brackets.
    private var beginsOperand: Bool {
        switch current.kind {
        case .name(let name): !["else", "or", "and", "is"].contains(name)
        case .string, .integer, .float, .symbol("["), .symbol("{"): true
        default: false
        }
    }

    private mutating func readDottedName(_ what: String) throws(JinjaError) -> String {
        var name = try readName("the name of \(what)")
        while skip(".") { name += "." + (try readName("the name of \(what)")) }
        return name
    }
}
