/// What `is` can ask.
package enum JinjaTest: String, CaseIterable, Sendable {
    case boolean, callable, defined, divisibleby, even, `false`, float, `in`, integer, iterable, lower, mapping, none
    case number, odd, sameas, sequence, string, `true`, undefined, upper
    case eq, ne, lt, le, gt, ge

    private static let synonyms: [String: JinjaTest] = [
        "==": .eq, "equalto": .eq, "!=": .ne, "<": .lt, "lessthan": .lt, "<=": .le, ">": .gt, "greaterthan": .gt,
        ">=": .ge,
    ]

    package init?(named name: String) {
        guard let test = JinjaTest(rawValue: name) ?? Self.synonyms[name] else { return nil }
        self = test
    }

    /// Arguments beside the value.
    package var operands: Int {
        switch self {
        case .divisibleby, .in, .sameas, .eq, .ne, .lt, .le, .gt, .ge: 1
        default: 0
        }
    }
}
