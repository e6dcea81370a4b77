/// What a dictionary finds values by: 1, 1.0 and true are the same key, as in Python.
package enum JinjaKey: Hashable, Sendable {
    case none
    case integer(Int)
    case float(Double)
    case string(JinjaString)

    package init?(_ value: JinjaValue) {
        switch value {
        case .none: self = .none
        case .bool(let value): self = .integer(value ? 1 : 0)
        case .integer(let value): self = .integer(value)
        case .float(let value): self = Int(exactly: value).map { .integer($0) } ?? .float(value)
        case .string(let value): self = .string(value)
        default: return nil
        }
    }
}
