/// The filters of numbers.
extension JinjaRenderer {
    mutating func applyToNumber(
        _ filter: JinjaFilter, _ value: JinjaValue, _ operands: JinjaOperands
    ) throws(JinjaError) -> JinjaValue {
        switch filter {
        case .int:
            let values = try operands.bound(to: "default", "base")
            return try integer(of: value, base: try operands.integer(values[1]) ?? 10) ?? values[0] ?? .integer(0)
        case .float:
            let values = try operands.bound(to: "default")
            if case .string(let text) = value {
                try charge(text.count)
                return JinjaNumber.float(text).map { .float($0) } ?? values[0] ?? .float(0)
            }
            return try defined(value, filter).number.map { .float($0) } ?? values[0] ?? .float(0)
        case .abs:
            _ = try operands.bound()
            if let integer = value.integer, integer != .min { return .integer(Swift.abs(integer)) }
            guard let number = value.number else { throw wrongNumber(value, filter) }
            return .float(Swift.abs(number))
        default: return try rounded(value, operands)
        }
    }

    private func rounded(_ value: JinjaValue, _ operands: JinjaOperands) throws(JinjaError) -> JinjaValue {
        let values = try operands.bound(to: "precision", "method")
        let method = try operands.text(values[1])?.text ?? "common"
        guard ["common", "ceil", "floor"].contains(method) else {
            throw JinjaError(.value, "'round' by '\(method)'", expected: "'common', 'ceil' or 'floor'")
        }
        guard let number = value.number else { throw wrongNumber(value, .round) }
        let precision = try operands.integer(values[0]) ?? 0
        if method == "common" {
            guard let integer = value.integer else {
                let rounded = JinjaNumber.rounded(number, to: precision)
                guard rounded.isFinite || !number.isFinite else {
                    throw JinjaError(.value, "'round' of \(number) to \(precision)", expected: "a finite result")
                }
                return .float(rounded)
            }
            // Python rounds an integer to an integer.
            guard let rounded = JinjaNumber.rounded(integer, to: precision) else {
                throw JinjaError(
                    .value, "'round' of \(integer) to \(precision)", expected: "a result of at most 64 bits")
            }
            return .integer(rounded)
        }
        guard number.isFinite else { throw JinjaError(.value, "'round' of \(number)", expected: "a finite number") }
        if value.integer != nil, precision >= 0 { return .float(number) }
        // Powers of ten up to this one are exact.
        guard precision <= 22 else {
            throw JinjaError(.unsupported, "'round' by '\(method)' to \(precision) digits", expected: "at most 22")
        }
        let scale = pow(10, Double(precision))
        let rounded = (number * scale).rounded(method == "ceil" ? .up : .down) / scale
        guard rounded.isFinite else {
            throw JinjaError(.value, "'round' of \(number) to \(precision)", expected: "a finite result")
        }
        return .float(rounded)
    }

    private func defined(_ value: JinjaValue, _ filter: JinjaFilter) throws(JinjaError) -> JinjaValue {
        guard !value.isUndefined else { throw wrongNumber(value, filter) }
        return value
    }

    private func wrongNumber(_ value: JinjaValue, _ filter: JinjaFilter) -> JinjaError {
        JinjaError(
            value.isUndefined ? .undefined : .value, "'\(filter.rawValue)' of \(value.described)",
            expected: "a number")
    }

    /// `int(value)`, and the integer in what is a number with a fraction; nil for what is no number.
    private mutating func integer(of value: JinjaValue, base: Int) throws(JinjaError) -> JinjaValue? {
        if let integer = value.integer { return .integer(integer) }
        let number: Double?
        if case .string(let text) = value {
            try charge(text.count)
            switch JinjaNumber.integer(text, base: base) {
            case .some(let integer?): return .integer(integer)
            case .some(nil): throw tooLarge(text.text)
            case nil: number = JinjaNumber.float(text).flatMap { $0.isFinite ? $0 : nil }
            }
        } else {
            number = try defined(value, .int).number
            if let number, number.isInfinite { throw tooLarge("\(number)") }
        }
        guard let number, !number.isNaN else { return nil }
        guard let integer = Int(exactly: number.rounded(.towardZero)) else { throw tooLarge("\(number)") }
        return .integer(integer)
    }

    private func tooLarge(_ what: String) -> JinjaError {
        JinjaError(.value, "'int' of \(excerpt(what))", expected: "at most 64 bits")
    }
}
