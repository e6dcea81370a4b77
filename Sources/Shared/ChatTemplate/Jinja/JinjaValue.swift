/// A value of the template language.
package enum JinjaValue: Sendable {
    /// Nothing by that name: prints as nothing, and has no attributes.
    case undefined(String)
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string(JinjaString)
    case list(JinjaList)
    case dictionary(JinjaDictionary)
    /// The only thing that changes: its attributes, kept by the renderer under this number.
    case namespace(Int)
    case loop(JinjaLoop)
    case macro(JinjaMacro)
    case function(JinjaFunction)
    /// A method that is named but not called.
    case method(String)

    package static func text(_ text: String) -> JinjaValue { .string(JinjaString(text)) }
    package static func list(_ items: [JinjaValue]) -> JinjaValue { .list(JinjaList(items)) }
    package static func tuple(_ items: [JinjaValue]) -> JinjaValue { .list(JinjaList(items, .tuple)) }

    /// Levels of values inside.
    package var depth: Int {
        switch self {
        case .list(let list): list.depth
        case .dictionary(let dictionary): dictionary.depth
        case .loop(let loop): loop.depthOfItems
        default: 0
        }
    }

    /// Whether a condition holds: everything but nothing, zero and what is empty.
    package var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .float(let value): value != 0
        case .string(let value): !value.isEmpty
        case .list(let value): !value.items.isEmpty
        case .dictionary(let value): value.count > 0
        case .loop(let value): value.length > 0
        case .namespace, .macro, .function, .method: true
        }
    }

    package var isUndefined: Bool { if case .undefined = self { true } else { false } }
    /// Whether `*` repeats it.
    var isRepeatable: Bool {
        switch self {
        case .string: true
        case .list(let list): list.kind.isPlain
        default: false
        }
    }
    package var isNone: Bool { if case .none = self { true } else { false } }
    package var string: JinjaString? { if case .string(let value) = self { value } else { nil } }

    /// The number that arithmetic sees, in which false is 0 and true is 1.
    package var integer: Int? {
        switch self {
        case .integer(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    /// Any number, as a float.
    package var number: Double? {
        if case .float(let value) = self { return value }
        return integer.map(Double.init)
    }

    /// Python's name of the type.
    package var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .integer: "int"
        case .float: "float"
        case .string: "str"
        case .list(let list): list.kind.name
        case .dictionary: "dict"
        case .namespace: "Namespace"
        case .loop: "LoopContext"
        case .macro: "Macro"
        case .function: "function"
        case .method: "method"
        }
    }
}
