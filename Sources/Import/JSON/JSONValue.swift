import SpeculateShared

/// A value of a JSON document.
enum JSONValue: Equatable, Sendable {
    case null, bool(Bool), integer(Int), number(Double), string(String), array([JSONValue]), object(JSONObject)

    var string: String? { if case .string(let text) = self { text } else { nil } }
    var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
    var array: [JSONValue]? { if case .array(let array) = self { array } else { nil } }
    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// A number without a fraction is an integer however it is spelled: `1e6` is.
    var integer: Int? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }

    var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The value for a message.
    var summary: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let text): excerpt(text)
        case .array(let array): "a list of \(array.count)"
        case .object(let object): "an object of \(object.members.count)"
        }
    }
}
