/// The key–value pairs of a checkpoint, in file order, each read as the type that the caller expects.
package struct Metadata: Equatable, Sendable {
    package private(set) var keys: [String] = []
    private var values: [String: MetadataValue] = [:]

    package init() {}

    package subscript(key: String) -> MetadataValue? {
        get { values[key] }
        set {
            if values[key] == nil { keys.append(key) }
            values[key] = newValue
            if newValue == nil { keys.removeAll { $0 == key } }
        }
    }

    // MARK: Required and optional values. They throw `CheckpointError` if missing (and required) or of another type.

    package func integer(_ key: String, in range: ClosedRange<Int>) throws(CheckpointError) -> Int {
        guard let value = try optionalInteger(key, in: range) else { throw .missing(key: key) }
        return value
    }

    package func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws(CheckpointError) -> Int? {
        guard let value = values[key] else { return nil }
        guard let integer = value.integer else {
            throw .wrongType(key: key, found: value.type, expected: "an integer")
        }
        guard range.contains(integer) else {
            throw .invalid(key: key, value: integer, expected: "\(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    package func optionalFloat(_ key: String) throws(CheckpointError) -> Float? {
        let float: Float
        switch values[key] {
        case nil: return nil
        case .float32(let value): float = value
        case .float64(let value): float = Float(value)
        case .some(let value): throw .wrongType(key: key, found: value.type, expected: "a float")
        }
        guard float.isFinite else { throw .invalid(key: key, value: float, expected: "a finite number") }
        return float
    }

    package func float(_ key: String) throws(CheckpointError) -> Float {
        guard let value = try optionalFloat(key) else { throw .missing(key: key) }
        return value
    }

    package func optionalBool(_ key: String) throws(CheckpointError) -> Bool? {
        switch values[key] {
        case nil: return nil
        case .bool(let value): return value
        case .some(let value): throw .wrongType(key: key, found: value.type, expected: "a bool")
        }
    }

    package func optionalString(_ key: String) throws(CheckpointError) -> String? {
        switch values[key] {
        case nil: return nil
        case .string(let bytes): return String(decoding: bytes, as: UTF8.self)
        case .some(let value): throw .wrongType(key: key, found: value.type, expected: "a string")
        }
    }

    package func string(_ key: String) throws(CheckpointError) -> String {
        guard let value = try optionalString(key) else { throw .missing(key: key) }
        return value
    }

    package func strings(_ key: String) throws(CheckpointError) -> ByteStrings {
        switch values[key] {
        case nil: throw .missing(key: key)
        case .array(.string(let strings)): return strings
        case .array(let array):
            throw .invalid(key: key, value: "an array of \(array.elementType)", expected: "an array of strings")
        case .some(let value): throw .wrongType(key: key, found: value.type, expected: "an array of strings")
        }
    }

    package func optionalIntegers(_ key: String) throws(CheckpointError) -> [Int]? {
        guard let value = values[key] else { return nil }
        guard case .array(let array) = value, let integers = array.integers else {
            throw .wrongType(key: key, found: value.type, expected: "an array of integers")
        }
        return integers
    }

    /// The numbers of an array of floats or integers.
    package func floats(_ key: String) throws(CheckpointError) -> [Float] {
        switch values[key] {
        case nil: throw .missing(key: key)
        case .array(.float32(let floats)): return floats
        case .array(.float64(let floats)): return floats.map { Float($0) }
        case .array(let array):
            guard let integers = array.integers else {
                throw .invalid(key: key, value: "an array of \(array.elementType)", expected: "an array of numbers")
            }
            return integers.map { Float($0) }
        case .some(let value): throw .wrongType(key: key, found: value.type, expected: "an array of numbers")
        }
    }

    package func optionalBools(_ key: String) throws(CheckpointError) -> [Bool]? {
        guard let value = values[key] else { return nil }
        guard case .array(.bool(let bools)) = value else {
            throw .wrongType(key: key, found: value.type, expected: "an array of bools")
        }
        return bools
    }
}
