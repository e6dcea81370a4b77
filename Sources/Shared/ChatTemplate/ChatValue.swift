/// A value for a chat template: what JSON can say.
public indirect enum ChatValue: Equatable, Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case list([ChatValue])
    case object([Member])

    /// A member of an object, whose order counts.
    public struct Member: Equatable, Sendable {
        public let name: String
        public var value: ChatValue

        public init(_ name: String, _ value: ChatValue) {
            self.name = name
            self.value = value
        }
    }

    /// The value of a member; nil if this is no object or has no such member.
    public subscript(name: String) -> ChatValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }
}

extension ChatValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral text: String) { self = .text(text) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(arrayLiteral items: ChatValue...) { self = .list(items) }
    public init(dictionaryLiteral members: (String, ChatValue)...) {
        self = .object(members.map { Member($0.0, $0.1) })
    }
}

/// Decoding refuses objects: decoders do not tell the order of their members, which templates can show.
extension ChatValue: Decodable {
    /// What can be decoded, in words.
    package static let decodable = "text, a number, true, false, null or an array of these"

    public init(from decoder: any Decoder) throws {
        if var items = try? decoder.unkeyedContainer() {
            var values: [ChatValue] = []
            while !items.isAtEnd { values.append(try items.decode(ChatValue.self)) }
            self = .list(values)
            return
        }
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .none
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let integer = try? value.decode(Int.self) {
            self = .integer(integer)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else {
            self = .text(try value.decode(String.self))
        }
    }
}
