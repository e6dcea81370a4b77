extension JinjaRenderer {
    /// callee(operands)
    mutating func call(_ callee: JinjaValue, _ operands: JinjaOperands) throws(JinjaError) -> JinjaValue {
        switch callee {
        case .macro(let macro): return try call(macro, operands)
        case .function(let function): return try call(function, operands)
        case .undefined(let what):
            throw JinjaError(.undefined, "a call of undefined \(what)", expected: "a macro or function")
        case .method(let name):
            throw JinjaError(
                .unsupported, "a call of the method '\(name)' by another name", expected: "value.\(name)()")
        default: throw JinjaError(.value, "a call of \(callee.described)", expected: "a macro or function")
        }
    }

    private mutating func call(_ macro: JinjaMacro, _ operands: JinjaOperands) throws(JinjaError) -> JinjaValue {
        let construct = "macro '\(macro.name)'"
        guard operands.positional.count <= macro.parameters.count else {
            throw JinjaError(
                .value, "\(construct) with \(operands.positional.count) arguments",
                expected: "at most \(macro.parameters.count)")
        }
        var given: [String: JinjaValue] = [:]
        for (parameter, value) in zip(macro.parameters, operands.positional) { given[parameter.name] = value }
        for (name, value) in operands.named {
            guard given[name] == nil, name == "caller" || macro.parameters.contains(where: { $0.name == name }) else {
                throw JinjaError(
                    .value, "\(construct) with an argument '\(name)'",
                    expected: "each of these once: " + macro.parameters.map(\.name).joined(separator: ", "))
            }
            given[name] = value
        }
        let line = line
        let text = try nested { r throws(JinjaError) in
            try r.captured { r throws(JinjaError) in
                try r.scoped(as: macro) { r throws(JinjaError) in
                    for parameter in macro.parameters {
                        if let value = given[parameter.name] {
                            r.define(parameter.name, value)
                        } else if let fallback = parameter.fallback {
                            r.define(parameter.name, try r.evaluate(fallback))
                        } else {
                            r.define(parameter.name, .undefined("parameter '\(parameter.name)'"))
                        }
                    }
                    if let caller = given["caller"] { r.define("caller", caller) }
                    return try r.execute(macro.body)
                }
            }
        }
        self.line = line
        return .string(text)
    }

    private mutating func call(_ function: JinjaFunction, _ operands: JinjaOperands) throws(JinjaError) -> JinjaValue {
        let operands = JinjaOperands(
            construct: "'\(function.rawValue)'", positional: operands.positional, named: operands.named)
        switch function {
        case .range: return try range(operands)
        case .dict: return .dictionary(try dictionary(of: operands))
        case .namespace:
            namespaces.append(try dictionary(of: operands))
            return .namespace(namespaces.count - 1)
        case .raise:
            let values = try operands.bound(to: "message", required: 1)
            throw JinjaError(.raised, try text(of: values[0]!).text)
        case .now:
            let values = try operands.bound(to: "format", required: 1)
            let format = try operands.text(values[0]) ?? JinjaString()
            guard let text = now.formatted(format.text) else {
                throw JinjaError(.unsupported, "the date format '\(format.text)'", expected: CivilTime.knownFormats)
            }
            return .text(text)
        }
    }

    private mutating func range(_ operands: JinjaOperands) throws(JinjaError) -> JinjaValue {
        let values = try operands.bound(to: "start", "stop", "step", required: 1)
        let first = try operands.integer(values[0])!
        let stop = try operands.integer(values[1])
        let step = try operands.integer(values[2]) ?? 1
        guard step != 0 else { throw JinjaError(.value, "'range' with step 0", expected: "another step") }
        let (start, end) = stop.map { (first, $0) } ?? (0, first)
        let longest = 100_000
        let (span, overflows) = end.subtractingReportingOverflow(start)
        let count = (span > 0) == (step > 0) ? span.magnitude / step.magnitude : 0
        guard !overflows, count <= longest else {
            throw JinjaError(.limit, "too long a 'range'", expected: "at most \(longest) numbers")
        }
        return try list(
            stride(from: start, to: end, by: step).map { .integer($0) }, .range(start: start, stop: end, step: step))
    }

    private mutating func dictionary(of operands: JinjaOperands) throws(JinjaError) -> JinjaDictionary {
        guard operands.positional.count <= 1 else {
            throw JinjaError(
                .value, "\(operands.construct) with \(operands.positional.count) arguments", expected: "at most 1")
        }
        var result = JinjaDictionary()
        switch operands.positional.first {
        case nil: break
        case .dictionary(let other): result = other
        case .some(let pairs):
            for pair in try elements(of: pairs) {
                let pair = try elements(of: pair)
                guard pair.count == 2 else {
                    throw JinjaError(.value, "\(operands.construct) of \(pair.count) values", expected: "pairs")
                }
                try result.set(pair[0], pair[1])
            }
        }
        for (name, value) in operands.named { try result.set(.text(name), value) }
        _ = try made(.dictionary(result), of: 2 * result.count)
        return result
    }
}
