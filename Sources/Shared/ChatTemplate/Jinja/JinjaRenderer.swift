/// Evaluates a template's statements.
struct JinjaRenderer {
    /// The variables of a block, and where those around it are.
    private struct Scope {
        var variables: [String: JinjaValue] = [:]
        let parent: Int?
        let serial: Int
    }

    /// What follows a statement.
    enum Flow { case next, leaveLoop, nextRound }

    let limits: JinjaLimits
    let now: CivilTime
    var output = JinjaString()
    /// Line of the statement that is executed.
    var line = 0
    /// The attributes of namespaces.
    var namespaces: [JinjaDictionary] = []
    /// What `loop.changed` saw last, loop by loop.
    var lastSeen: [Int: [JinjaValue]] = [:]
    private var scopes: [Scope] = []
    private var scope = 0
    private var serial = 0
    private var depth = 0
    private var work: Int

    /// - Parameter allowance: work beyond the limit that the size of the conversation gives.
    init(_ variables: [String: JinjaValue], now: CivilTime, _ limits: JinjaLimits, allowance: Int) {
        self.limits = limits
        self.now = now
        work = limits.work + allowance
        scopes = [Scope(variables: variables, parent: nil, serial: 0)]
    }

    // MARK: Limits

    /// - Throws: `JinjaError` of kind limit once there was too much.
    mutating func charge(_ cost: Int) throws(JinjaError) {
        guard cost <= work else {
            work = 0
            throw JinjaError(.limit, "too much work", expected: "at most \(limits.work) units")
        }
        work -= cost
    }

    mutating func nested<T>(_ body: (inout JinjaRenderer) throws(JinjaError) -> T) throws(JinjaError) -> T {
        depth += 1
        defer { depth -= 1 }
        guard depth <= limits.depth else {
            throw JinjaError(.limit, "too deep a nesting", expected: "at most \(limits.depth) levels")
        }
        try charge(JinjaLimits.nodeCost)
        return try body(&self)
    }

    /// A list or dictionary that was made, unless it is too much.
    mutating func made(_ value: JinjaValue, of count: Int) throws(JinjaError) -> JinjaValue {
        try charge(JinjaLimits.elementCost * count)
        guard value.depth <= limits.depth else {
            throw JinjaError(.limit, "too deep a \(value.typeName)", expected: "at most \(limits.depth) levels")
        }
        return value
    }

    mutating func list(_ items: [JinjaValue], _ kind: JinjaList.Kind = .list) throws(JinjaError) -> JinjaValue {
        try made(.list(JinjaList(items, kind)), of: items.count)
    }

    mutating func string(_ text: JinjaString) throws(JinjaError) -> JinjaValue {
        try charge(text.count)
        return .string(text)
    }

    /// A unique number.
    mutating func nextSerial() -> Int {
        serial += 1
        return serial
    }

    // MARK: Output

    mutating func write(_ text: JinjaString) throws(JinjaError) {
        try charge(text.count)
        guard text.count <= limits.output - output.count else {
            throw JinjaError(.limit, "too long an output", expected: "at most \(limits.output) characters")
        }
        output.append(text)
    }

    /// What `body` writes, and how it ends.
    mutating func captured(
        _ body: (inout JinjaRenderer) throws(JinjaError) -> Flow
    ) throws(JinjaError) -> JinjaString {
        var outer = JinjaString()
        swap(&outer, &output)
        _ = try body(&self)
        swap(&outer, &output)
        return outer
    }

    // MARK: Variables

    /// Runs `body` with variables of its own.
    mutating func scoped<T>(_ body: (inout JinjaRenderer) throws(JinjaError) -> T) throws(JinjaError) -> T {
        try scoped(around: scope, body)
    }

    /// Runs a macro's body, which sees the variables around its definition.
    mutating func scoped<T>(
        as macro: JinjaMacro, _ body: (inout JinjaRenderer) throws(JinjaError) -> T
    ) throws(JinjaError) -> T {
        guard macro.scope < scopes.count, scopes[macro.scope].serial == macro.scopeSerial else {
            throw JinjaError(
                .unsupported, "macro '\(macro.name)' called after the block that defines it", expected: "a call inside")
        }
        return try scoped(around: macro.scope, body)
    }

    private mutating func scoped<T>(
        around parent: Int, _ body: (inout JinjaRenderer) throws(JinjaError) -> T
    ) throws(JinjaError) -> T {
        let outer = scope
        scopes.append(Scope(parent: parent, serial: nextSerial()))
        scope = scopes.count - 1
        defer {
            scopes.removeLast()
            scope = outer
        }
        return try body(&self)
    }

    func variable(_ name: String) -> JinjaValue {
        var place: Int? = scope
        while let current = place {
            if let value = scopes[current].variables[name] { return value }
            place = scopes[current].parent
        }
        return JinjaFunction(rawValue: name).map { .function($0) } ?? .undefined("'\(name)'")
    }

    mutating func define(_ name: String, _ value: JinjaValue) { scopes[scope].variables[name] = value }

    /// A macro that sees the present variables.
    mutating func macro(_ name: String, _ parameters: [JinjaParameter], _ body: [JinjaStatement]) -> JinjaMacro {
        JinjaMacro(
            name: name, parameters: parameters, body: body, scope: scope, scopeSerial: scopes[scope].serial,
            serial: nextSerial())
    }
}
