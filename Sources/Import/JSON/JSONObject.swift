/// A JSON object, in the file's order. No key is there twice.
struct JSONObject: Equatable, Sendable {
    struct Member: Equatable, Sendable {
        let key: String
        let value: JSONValue
    }

    var members: [Member] = []

    /// The member's value; nil if there is none or it is null. Takes time in proportion to the members.
    subscript(key: String) -> JSONValue? {
        guard let member = members.first(where: { $0.key.utf8.elementsEqual(key.utf8) }), member.value != .null else {
            return nil
        }
        return member.value
    }

    /// Whether there is such a member, null included.
    func has(_ key: String) -> Bool { members.contains { $0.key.utf8.elementsEqual(key.utf8) } }

    /// What `other` says goes first.
    func overlaid(by other: JSONObject) -> JSONObject {
        var joined = other
        joined.members += members.filter { member in
            !other.members.contains { $0.key.utf8.elementsEqual(member.key.utf8) }
        }
        return joined
    }
}
