import SpeculateShared

/// A value as the golden file has it: lists and objects are arrays that begin with "L" and "O", floats are texts after "F".
struct OrderedValue: Decodable {
    let value: ChatValue

    init(from decoder: any Decoder) throws {
        guard var items = try? decoder.unkeyedContainer() else {
            value = try ChatValue(from: decoder)
            return
        }
        switch try items.decode(String.self) {
        case "L":
            var values: [ChatValue] = []
            while !items.isAtEnd { values.append(try items.decode(OrderedValue.self).value) }
            value = .list(values)
        case "F": value = .number(Double(try items.decode(String.self))!)
        default:
            var members: [ChatValue.Member] = []
            while !items.isAtEnd {
                var member = try items.nestedUnkeyedContainer()
                let name = try member.decode(String.self)
                members.append(.init(name, try member.decode(OrderedValue.self).value))
            }
            value = .object(members)
        }
    }
}
