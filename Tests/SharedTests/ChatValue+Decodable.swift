import Foundation
import SpeculateShared

/// Values as the golden file has them: lists and objects are arrays that begin with "L" and "O", floats are texts after "F".
extension ChatValue: Decodable {
    public init(from decoder: any Decoder) throws {
        if var items = try? decoder.unkeyedContainer() {
            switch try items.decode(String.self) {
            case "L":
                var values: [ChatValue] = []
                while !items.isAtEnd { values.append(try items.decode(ChatValue.self)) }
                self = .list(values)
            case "F": self = .number(Double(try items.decode(String.self))!)
            default:
                var members: [Member] = []
                while !items.isAtEnd {
                    var member = try items.nestedUnkeyedContainer()
                    members.append(Member(try member.decode(String.self), try member.decode(ChatValue.self)))
                }
                self = .object(members)
            }
            return
        }
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .none
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let integer = try? value.decode(Int.self) {
            self = .integer(integer)
        } else {
            self = .text(try value.decode(String.self))
        }
    }
}
