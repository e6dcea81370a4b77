extension JinjaParser {
    private static let known = [
        "break", "call", "continue", "filter", "for", "generation", "if", "macro", "set", "with",
    ]

    /// Statements up to a block that begins with one of `ends`, whose name is the current token afterwards; or all.
    mutating func parseStatements(until ends: Set<String>) throws(JinjaError) -> [JinjaStatement] {
        var statements: [JinjaStatement] = []
        while true {
            let line = line
            switch current.kind {
            case .data(let text):
                advance()
                statements.append(JinjaStatement(line: line, kind: .text(text)))
            case .outputBegin:
                advance()
                statements.append(JinjaStatement(line: line, kind: .output(try parseTuple())))
                try expect(.outputEnd)
            case .blockBegin:
                advance()
                if case .name(let name) = current.kind, ends.contains(name) { return statements }
                let kind = try nested { parser throws(JinjaError) in try parser.parseBlock(ends) }
                statements.append(JinjaStatement(line: line, kind: kind))
                try expect(.blockEnd)
            default:
                guard ends.isEmpty else { throw unexpected(expected: "{% \(Self.names(Array(ends))) %}") }
                return statements
            }
        }
    }

    private mutating func parseBlock(_ ends: Set<String>) throws(JinjaError) -> JinjaStatement.Kind {
        let name = try readName("the name of a statement")
        switch name {
        case "if": return try parseIf()
        case "for": return try parseFor()
        case "set": return try parseSet()
        case "macro": return try parseMacro()
        case "call": return try parseCall()
        case "filter":
            let filters = try parseFilters()
            return .filter(filters, try parseBody("endfilter"))
        case "with": return try parseWith()
        case "generation": return .generation(try parseBody("endgeneration"))
        case "break", "continue":
            guard loops > 0 else {
                throw JinjaError(.syntax, line: line, "'\(name)' outside a loop", expected: "a 'for' around it")
            }
            return name == "break" ? .break : .continue
        default:
            if name.hasPrefix("end") || name == "else" || name == "elif" {
                let expected = ends.isEmpty ? "the end of the template" : Self.names(Array(ends))
                throw JinjaError(.syntax, line: line, "unexpected '\(name)'", expected: expected)
            }
            throw unsupported("unknown statement '\(name)'", expected: "one of " + Self.names(Self.known))
        }
    }

    /// The statements up to `end`, in a block of their own.
    private mutating func parseBody(_ end: String) throws(JinjaError) -> [JinjaStatement] {
        try expect(.blockEnd)
        let body = try parseStatements(until: [end])
        advance()
        return body
    }

    private mutating func parseIf() throws(JinjaError) -> JinjaStatement.Kind {
        var branches: [(condition: JinjaExpression?, body: [JinjaStatement])] = []
        while true {
            let condition = try parseTuple(allowsCondition: false)
            try expect(.blockEnd)
            branches.append((condition, try parseStatements(until: ["elif", "else", "endif"])))
            if skip(name: "elif") { continue }
            if skip(name: "else") { branches.append((nil, try parseBody("endif"))) } else { advance() }
            return .branches(branches)
        }
    }

    private mutating func parseFor() throws(JinjaError) -> JinjaStatement.Kind {
        let target = try parseTarget(allowsAttribute: false)
        guard skip(name: "in") else { throw unexpected(expected: "'in'") }
        let items = try parseTuple(allowsCondition: false)
        let filter: JinjaExpression? = skip(name: "if") ? try parseExpression() : nil
        if at(name: "recursive") { throw unsupported("'recursive' loop", expected: "a macro that calls itself") }
        try expect(.blockEnd)
        loops += 1
        let body = try parseStatements(until: ["endfor", "else"])
        loops -= 1
        let otherwise: [JinjaStatement]
        if skip(name: "else") {
            otherwise = try parseBody("endfor")
        } else {
            advance()
            otherwise = []
        }
        return .loop(target, in: items, where: filter, body: body, otherwise: otherwise)
    }

    private mutating func parseSet() throws(JinjaError) -> JinjaStatement.Kind {
        let target = try parseTarget(allowsAttribute: true)
        if skip("=") { return .assignment(target, try parseTuple()) }
        let filters: [JinjaSuffix] = skip("|") ? try parseFilters() : []
        return .capture(target, filters: filters, try parseBody("endset"))
    }

    private mutating func parseWith() throws(JinjaError) -> JinjaStatement.Kind {
        var values: [(target: JinjaTarget, value: JinjaExpression)] = []
        while current.kind != .blockEnd {
            if !values.isEmpty { try expect(",") }
            let target = try parseTargetName()
            try expect("=")
            values.append((target, try parseExpression()))
        }
        return .with(values, try parseBody("endwith"))
    }

    private mutating func parseMacro() throws(JinjaError) -> JinjaStatement.Kind {
        let name = try readName("the macro's name")
        boundNames.insert(name)
        try expect("(")
        let parameters = try parseParameters()
        return .macro(name, parameters, try parseBodyOfMacro("endmacro"))
    }

    private mutating func parseCall() throws(JinjaError) -> JinjaStatement.Kind {
        let parameters = skip("(") ? try parseParameters() : []
        let call = try parseExpression()
        guard case .chain(_, let suffixes) = call, case .call = suffixes.last else {
            throw JinjaError(.syntax, line: line, "'call' without a call", expected: "a macro with its arguments")
        }
        return .call(parameters, call, try parseBodyOfMacro("endcall"))
    }

    private mutating func parseBodyOfMacro(_ end: String) throws(JinjaError) -> [JinjaStatement] {
        let outer = loops
        loops = 0
        defer { loops = outer }
        boundNames.insert("caller")
        return try parseBody(end)
    }

    /// name, name = fallback)
    private mutating func parseParameters() throws(JinjaError) -> [JinjaParameter] {
        var parameters: [JinjaParameter] = []
        while !skip(")") {
            if !parameters.isEmpty { try expect(",") }
            if at("*") || at("**") { throw unsupported("parameters by '*'", expected: "the name of a parameter") }
            let name = try readName("the name of a parameter")
            boundNames.insert(name)
            let fallback: JinjaExpression? = skip("=") ? try parseExpression() : nil
            if fallback == nil, let last = parameters.last, last.fallback != nil {
                throw JinjaError(.syntax, line: line, "parameter '\(name)' after one with a default", expected: "'='")
            }
            parameters.append(JinjaParameter(name: name, fallback: fallback))
        }
        return parameters
    }

    // MARK: Targets

    private mutating func parseTarget(allowsAttribute: Bool) throws(JinjaError) -> JinjaTarget {
        if allowsAttribute, following.kind == .symbol(".") {
            let name = try readName("a variable")
            advance()
            return .attribute(of: name, JinjaString(try readName("an attribute")))
        }
        var targets: [JinjaTarget] = []
        var isTuple = false
        while true {
            if at("(") {
                targets.append(
                    try nested { parser throws(JinjaError) in
                        parser.advance()
                        let target = try parser.parseTarget(allowsAttribute: false)
                        try parser.expect(")")
                        return target
                    })
            } else {
                targets.append(try parseTargetName())
            }
            guard skip(",") else { break }
            isTuple = true
            guard case .name(let next) = current.kind, next != "in" else {
                if at("(") { continue }
                break
            }
        }
        return isTuple ? .several(targets) : targets[0]
    }

    private mutating func parseTargetName() throws(JinjaError) -> JinjaTarget {
        let name = try readName("the name of a variable")
        guard !Self.constants.keys.contains(name) else {
            throw JinjaError(.syntax, line: line, "assignment to '\(name)'", expected: "the name of a variable")
        }
        boundNames.insert(name)
        return .variable(name)
    }
}
