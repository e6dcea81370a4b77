extension JinjaRenderer {
    mutating func execute(_ statements: [JinjaStatement]) throws(JinjaError) -> Flow {
        for statement in statements {
            line = statement.line
            let flow = try nested { renderer throws(JinjaError) in try renderer.execute(statement.kind) }
            if flow != .next { return flow }
        }
        return .next
    }

    private mutating func execute(_ statement: JinjaStatement.Kind) throws(JinjaError) -> Flow {
        switch statement {
        case .text(let text): try write(text)
        case .output(let expression): try write(try text(of: try evaluate(expression)))
        case .branches(let branches):
            for (condition, body) in branches {
                guard let condition else { return try execute(body) }
                if try evaluate(condition).isTrue { return try execute(body) }
            }
        case .loop(let target, let items, let filter, let body, let otherwise):
            let items = try evaluate(items)
            return try loop(target, items, filter, body, otherwise)
        case .assignment(let target, let value): try assign(try evaluate(value), to: target)
        case .capture(let target, let filters, let body):
            let text = try captured { r throws(JinjaError) in
                try r.scoped { r throws(JinjaError) in try r.execute(body) }
            }
            try assign(try apply(filters, to: .string(text)), to: target)
        case .macro(let name, let parameters, let body): define(name, .macro(macro(name, parameters, body)))
        case .call(let parameters, let call, let body): try write(try callBlock(parameters, call, body))
        case .filter(let filters, let body):
            let text = try captured { r throws(JinjaError) in
                try r.scoped { r throws(JinjaError) in try r.execute(body) }
            }
            try write(try self.text(of: try apply(filters, to: .string(text))))
        case .with(let values, let body): return try with(values, body)
        case .generation(let body): return try scoped { r throws(JinjaError) in try r.execute(body) }
        case .break: return .leaveLoop
        case .continue: return .nextRound
        }
        return .next
    }

    private mutating func with(
        _ values: [(target: JinjaTarget, value: JinjaExpression)], _ body: [JinjaStatement]
    ) throws(JinjaError) -> Flow {
        var evaluated: [(JinjaTarget, JinjaValue)] = []
        for (target, value) in values { evaluated.append((target, try evaluate(value))) }
        return try scoped { r throws(JinjaError) in
            for (target, value) in evaluated { try r.assign(value, to: target) }
            return try r.execute(body)
        }
    }

    private mutating func callBlock(
        _ parameters: [JinjaParameter], _ call: JinjaExpression, _ body: [JinjaStatement]
    ) throws(JinjaError) -> JinjaString {
        guard case .chain(let base, let suffixes) = call, case .call(let arguments) = suffixes.last else {
            throw JinjaError(.syntax, "'call' without a call", expected: "a macro with its arguments")
        }
        let callee = try apply(Array(suffixes.dropLast()), to: try evaluate(base))
        var operands = try evaluate(arguments, for: "'call'")
        operands.named.append(("caller", .macro(macro("caller", parameters, body))))
        return try text(of: try self.call(callee, operands))
    }

    private mutating func loop(
        _ target: JinjaTarget, _ iterated: JinjaValue, _ filter: JinjaExpression?, _ body: [JinjaStatement],
        _ otherwise: [JinjaStatement]
    ) throws(JinjaError) -> Flow {
        var items = try elements(of: iterated)
        if let filter {
            var kept: [JinjaValue] = []
            for item in items {
                let isKept = try scoped { r throws(JinjaError) in
                    try r.assign(item, to: target)
                    return try r.evaluate(filter).isTrue
                }
                if isKept { kept.append(item) }
            }
            items = kept
        }
        var isCompleted = false
        let serial = nextSerial()
        let depth = items.lazy.map(\.depth).max() ?? 0
        for (index, item) in items.enumerated() {
            try charge(JinjaLimits.nodeCost)
            let flow = try scoped { r throws(JinjaError) in
                r.define("loop", .loop(JinjaLoop(serial: serial, items: items, index: index, depthOfItems: depth)))
                try r.assign(item, to: target)
                return try r.execute(body)
            }
            if flow == .next { isCompleted = true }
            if flow == .leaveLoop { break }
        }
        // As in Python's implementation, a loop whose rounds were all cut short counts as one without rounds.
        return isCompleted ? .next : try scoped { r throws(JinjaError) in try r.execute(otherwise) }
    }

    mutating func assign(_ value: JinjaValue, to target: JinjaTarget) throws(JinjaError) {
        switch target {
        case .variable(let name): define(name, value)
        case .attribute(of: let name, let attribute):
            guard case .namespace(let number) = variable(name) else {
                throw JinjaError(.value, "assignment to an attribute of '\(name)'", expected: "a namespace")
            }
            try charge(JinjaLimits.elementCost)
            try namespaces[number].set(.string(attribute), value)
        case .several(let targets):
            let items = try elements(of: value)
            guard items.count == targets.count else {
                throw JinjaError(.value, "\(items.count) values to unpack", expected: "\(targets.count)")
            }
            for (target, item) in zip(targets, items) { try assign(item, to: target) }
        }
    }

    /// What a loop over the value goes through.
    mutating func elements(of value: JinjaValue) throws(JinjaError) -> [JinjaValue] {
        switch value {
        case .list(let list): return list.items
        case .dictionary(let dictionary):
            try charge(JinjaLimits.elementCost * dictionary.count)
            return dictionary.keys
        case .string(let text):
            try charge(2 * JinjaLimits.elementCost * text.count)
            return text.scalars.indices.map { .string(text[$0..<$0 + 1]) }
        case .undefined: return []
        default: throw JinjaError(.value, "a loop over \(value.described)", expected: "a list, a dictionary or text")
        }
    }

    /// `str(value)`, paid for.
    mutating func text(of value: JinjaValue) throws(JinjaError) -> JinjaString {
        if case .string(let text) = value { return text }
        try chargeForPrinting(value)
        return value.printed
    }

    /// Pays for looking at everything inside: a value that contains another twice prints it twice.
    mutating func chargeForPrinting(_ value: JinjaValue) throws(JinjaError) {
        switch value {
        case .string(let text): try charge(2 + text.count)
        case .list(let list):
            for item in list.items { try chargeForPrinting(item) }
        case .dictionary(let dictionary):
            for (key, value) in dictionary.entries {
                try chargeForPrinting(key)
                try chargeForPrinting(value)
            }
        default: break
        }
        try charge(JinjaLimits.elementCost)
    }
}
