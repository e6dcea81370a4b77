extension JinjaRenderer {
    /// value is test operands
    mutating func holds(
        _ test: JinjaTest, _ value: JinjaValue, _ operands: JinjaOperands
    ) throws(JinjaError) -> Bool {
        guard operands.positional.count == test.operands, operands.named.isEmpty else {
            throw JinjaError(
                .value, "test '\(test.rawValue)' with \(operands.positional.count) arguments",
                expected: "\(test.operands)")
        }
        switch test {
        case .defined: return !value.isUndefined
        case .undefined: return value.isUndefined
        case .none: return value.isNone
        case .boolean: if case .bool = value { return true }
        case .true: if case .bool(true) = value { return true }
        case .false: if case .bool(false) = value { return true }
        case .integer: if case .integer = value { return true }
        case .float: if case .float = value { return true }
        case .number: return value.number != nil
        case .string: return value.string != nil
        case .mapping: if case .dictionary = value { return true }
        case .sequence:
            switch value {
            case .list(let list): return !list.kind.isView
            case .string, .dictionary, .undefined: return true
            default: return false
            }
        case .iterable:
            switch value {
            case .string, .list, .dictionary, .undefined, .loop: return true
            default: return false
            }
        case .callable:
            switch value {
            case .macro, .function, .method, .undefined: return true
            default: return false
            }
        case .lower, .upper:
            let text = try text(of: value)
            try charge(text.count)
            return test == .lower ? text.isLowercase : text.isUppercase
        case .odd, .even:
            guard let number = value.number else {
                throw JinjaError(
                    value.isUndefined ? .undefined : .value, "test '\(test.rawValue)' of \(value.described)",
                    expected: "a number")
            }
            let rest = value.integer.map { Double($0 % 2) } ?? fmod(number, 2)
            return test == .even ? rest == 0 : abs(rest) == 1
        case .divisibleby:
            guard let a = value.integer, let b = operands.positional[0].integer, b != 0 else {
                throw JinjaError(.value, "test 'divisibleby' of \(value.described)", expected: "integers, not by 0")
            }
            return b == -1 || a % b == 0
        default: return try compares(test, value, operands.positional[0])
        }
        return false
    }

    private mutating func compares(
        _ test: JinjaTest, _ value: JinjaValue, _ operand: JinjaValue
    ) throws(JinjaError) -> Bool {
        switch test {
        case .in: return try contains(operand, value)
        case .sameas:
            try chargeForComparing(value, operand)
            return value.typeName == operand.typeName && value == operand
        case .ne: return try compare(value, .notEqual, operand)
        case .lt: return try compare(value, .less, operand)
        case .le: return try compare(value, .lessOrEqual, operand)
        case .gt: return try compare(value, .greater, operand)
        case .ge: return try compare(value, .greaterOrEqual, operand)
        default: return try compare(value, .equal, operand)
        }
    }
}
