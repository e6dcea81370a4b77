/// A value that a conversation brings along, such as the description of a tool: what JSON can say.
package indirect enum ChatValue: Equatable, Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case list([ChatValue])
    case object([Member])

    /// A member of an object, whose order counts.
    package struct Member: Equatable, Sendable {
        package let name: String
        package var value: ChatValue

        package init(_ name: String, _ value: ChatValue) {
            self.name = name
            self.value = value
        }
    }

    /// The value of a member; nil if this is no object or has no such member.
    package subscript(name: String) -> ChatValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }
}

extension ChatValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral text: String) { self = .text(text) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(arrayLiteral items: ChatValue...) { self = .list(items) }
    package init(dictionaryLiteral members: (String, ChatValue)...) {
        self = .object(members.map { Member($0.0, $0.1) })
    }
}
