/// Builds the syntax tree of a template. What it does not know it refuses by name.
struct JinjaParser {
    private let tokens: [JinjaToken]
    private var position = 0
    private let limits: JinjaLimits
    private var depth = 0
    /// Loops around the statement that is read.
    var loops = 0
    /// Names that the template binds, or asks whether they are defined.
    var boundNames = Set(JinjaFunction.allCases.map(\.rawValue))
    /// Functions called by name, and where first.
    var calledNames: [(name: String, line: Int)] = []

    /// - Throws: `JinjaError`.
    static func statements(of source: String, _ limits: JinjaLimits) throws(JinjaError) -> [JinjaStatement] {
        guard source.utf8.count <= limits.sourceBytes else {
            throw JinjaError(
                .limit, "\(source.utf8.count) bytes of template", expected: "at most \(limits.sourceBytes)")
        }
        var parser = JinjaParser(tokens: try JinjaLexer.tokens(of: source), limits: limits)
        let statements = try parser.parseStatements(until: [])
        for (name, line) in parser.calledNames where !parser.boundNames.contains(name) {
            throw JinjaError(
                .unsupported, line: line, "unknown function '\(name)'",
                expected: "a macro, or one of " + names(JinjaFunction.allCases.map(\.rawValue)))
        }
        return statements
    }

    private init(tokens: [JinjaToken], limits: JinjaLimits) {
        self.tokens = tokens
        self.limits = limits
    }

    static func names(_ names: [String]) -> String { names.sorted().joined(separator: ", ") }

    // MARK: Tokens

    var current: JinjaToken { tokens[position] }
    var line: Int { current.line }

    /// The token after the current one.
    var following: JinjaToken { tokens[min(position + 1, tokens.count - 1)] }

    mutating func advance() { if position + 1 < tokens.count { position += 1 } }

    func at(_ symbol: String) -> Bool { current.kind == .symbol(symbol) }
    func at(name: String) -> Bool { current.kind == .name(name) }

    mutating func skip(_ symbol: String) -> Bool { skip(.symbol(symbol)) }
    mutating func skip(name: String) -> Bool { skip(.name(name)) }

    private mutating func skip(_ kind: JinjaToken.Kind) -> Bool {
        guard current.kind == kind else { return false }
        advance()
        return true
    }

    mutating func expect(_ kind: JinjaToken.Kind) throws(JinjaError) {
        guard skip(kind) else { throw unexpected(expected: JinjaToken(kind: kind, line: 0).described) }
    }

    mutating func expect(_ symbol: String) throws(JinjaError) { try expect(.symbol(symbol)) }

    mutating func readName(_ what: String) throws(JinjaError) -> String {
        guard case .name(let name) = current.kind else { throw unexpected(expected: what) }
        advance()
        return name
    }

    func unexpected(expected: String) -> JinjaError {
        JinjaError(.syntax, line: line, "unexpected \(current.described)", expected: expected)
    }

    func unsupported(_ what: String, expected: String? = nil) -> JinjaError {
        JinjaError(.unsupported, line: line, what, expected: expected)
    }

    // MARK: Depth

    mutating func nested<T>(_ body: (inout JinjaParser) throws(JinjaError) -> T) throws(JinjaError) -> T {
        depth += 1
        defer { depth -= 1 }
        guard depth <= limits.depth else {
            throw JinjaError(.limit, line: line, "too deep a nesting", expected: "at most \(limits.depth) levels")
        }
        return try body(&self)
    }
}
