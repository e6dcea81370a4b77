import SpeculateShared

/// The fields of a JSON file, each read as what the caller expects. A field that is null counts as left out.
struct Fields: Sendable {
    let object: JSONObject
    /// For messages: the file, and where in it.
    let place: String

    init(_ object: JSONObject, _ place: String) {
        self.object = object
        self.place = place
    }

    subscript(key: String) -> JSONValue? { object[key] }

    /// Whether the field is there, and null.
    func isNull(_ key: String) -> Bool { object[key] == nil && object.has(key) }

    func wrong(_ key: String, _ found: JSONValue?, expected: String) -> ModelFileError {
        .bad(place, "'\(key)' is \(found?.summary ?? (isNull(key) ? "null" : "missing")), expected \(expected)")
    }

    func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws(ModelFileError) -> Int? {
        guard let value = object[key] else { return nil }
        guard let integer = value.integer, range.contains(integer) else {
            throw wrong(key, value, expected: "an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    func integer(_ key: String, in range: ClosedRange<Int>) throws(ModelFileError) -> Int {
        guard let value = try optionalInteger(key, in: range) else { throw wrong(key, nil, expected: "an integer") }
        return value
    }

    /// A finite number that a 32-bit float holds.
    func optionalNumber(_ key: String) throws(ModelFileError) -> Double? {
        guard let value = object[key] else { return nil }
        guard let number = value.double, Float(number).isFinite else {
            throw wrong(key, value, expected: "a finite number")
        }
        return number
    }

    func optionalPositive(_ key: String) throws(ModelFileError) -> Double? {
        guard let number = try optionalNumber(key) else { return nil }
        guard Float(number) > 0 else { throw wrong(key, object[key], expected: "a number above 0") }
        return number
    }

    func optionalBool(_ key: String) throws(ModelFileError) -> Bool? {
        guard let value = object[key] else { return nil }
        guard let bool = value.bool else { throw wrong(key, value, expected: "true or false") }
        return bool
    }

    func optionalString(_ key: String) throws(ModelFileError) -> String? {
        guard let value = object[key] else { return nil }
        guard let text = value.string else { throw wrong(key, value, expected: "a text") }
        return text
    }

    func optionalFields(_ key: String) throws(ModelFileError) -> Fields? {
        guard let value = object[key] else { return nil }
        guard let inner = value.object else { throw wrong(key, value, expected: "an object") }
        return Fields(inner, "\(place): \(key)")
    }

    func fields(_ key: String) throws(ModelFileError) -> Fields {
        guard let fields = try optionalFields(key) else { throw wrong(key, nil, expected: "an object") }
        return fields
    }

    func array(_ key: String) throws(ModelFileError) -> [JSONValue] {
        guard let value = object[key] else { return [] }
        guard let array = value.array else { throw wrong(key, value, expected: "a list") }
        return array
    }

    /// Refuses every value but those that change nothing.
    func expect(_ key: String, _ allowed: JSONValue?..., because expected: String) throws(ModelFileError) {
        guard allowed.contains(object[key]) else { throw wrong(key, object[key], expected: expected) }
    }
}
