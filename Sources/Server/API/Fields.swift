import Foundation
import SpeculateShared

/// The fields of a JSON object, each requested by name. Fields that were never requested are an error at the end, so
/// that nothing a client asks for is silently ignored. A null field counts as absent.
struct Fields {
    private struct Key: CodingKey {
        let stringValue: String
        let intValue: Int? = nil

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private let container: KeyedDecodingContainer<Key>
    private var left: Set<String>
    /// The path of the object within the body, with a trailing dot; empty for the body itself.
    private let path: String

    init(_ decoder: any Decoder) throws {
        do {
            container = try decoder.container(keyedBy: Key.self)
        } catch {
            let name = decoder.codingPath.isEmpty ? "the body" : Self.name(decoder.codingPath)
            throw APIError.invalid("\(name) is not an object")
        }
        path = decoder.codingPath.isEmpty ? "" : Self.name(decoder.codingPath) + "."
        left = Set(container.allKeys.map(\.stringValue))
    }

    /// "messages[1].content"
    private static func name(_ path: [any CodingKey]) -> String {
        path.reduce("") { name, key in
            if let index = key.intValue { return "\(name)[\(index)]" }
            return (name.isEmpty ? "" : name + ".") + shortened(key.stringValue)
        }
    }

    /// A key as an error message shows it.
    private static func shortened(_ key: String) -> String { String(excerpt(key).dropFirst().dropLast()) }

    /// - Parameter expected: describes the valid values.
    mutating func value<Value: Decodable>(_ name: String, as type: Value.Type, _ expected: String) throws -> Value? {
        left.remove(name)
        let key = Key(stringValue: name)
        do {
            return try container.decodeIfPresent(type, forKey: key)
        } catch let error as APIError {
            throw error
        } catch {
            throw wrong(name, expected)
        }
    }

    mutating func required<Value: Decodable>(_ name: String, as type: Value.Type, _ expected: String) throws -> Value {
        guard let value = try value(name, as: type, expected) else {
            throw APIError.invalid("\(path)\(name) is missing, expected \(expected)", param: path + name)
        }
        return value
    }

    mutating func bool(_ name: String) throws -> Bool {
        try value(name, as: Bool.self, "true or false") ?? false
    }

    mutating func integer(_ name: String) throws -> Int? { try value(name, as: Int.self, "a whole number") }

    mutating func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let value = try value(name, as: Int.self, expected) else { return nil }
        guard range.contains(value) else { throw wrong(name, expected) }
        return value
    }

    /// The nearest float: infinite beyond its range, 0 for numbers too small for it.
    mutating func number(_ name: String) throws -> Float? {
        do {
            return try value(name, as: Double.self, "a number").map { Float($0) }
        } catch {
            let key = Key(stringValue: name)
            // The decoder fails on numbers that a double cannot hold; decoded as integers, the tiny ones are 0.
            if (try? container.decode(Int.self, forKey: key)) == 0 { return 0 }
            guard shown(name) == Self.unreadable else { throw error }
            return .infinity
        }
    }

    /// - Throws: `APIError` if the value is not the neutral one.
    mutating func expect(_ name: String, _ neutral: Bool) throws {
        guard let asked = try value(name, as: Bool.self, "\(neutral)") else { return }
        if asked != neutral { throw wrong(name, "\(neutral)") }
    }

    func wrong(_ name: String, _ expected: String) -> APIError {
        .invalid("\(path)\(name) is \(shown(name)), expected \(expected)", param: path + name)
    }

    /// Anything else: a number that no type holds, or invalid Unicode.
    private static let unreadable = "a value that cannot be read"

    /// A value as an error message shows it.
    private func shown(_ name: String) -> String {
        let key = Key(stringValue: name)
        if let text = try? container.decode(String.self, forKey: key) {
            return excerpt(text)
        }
        if let truth = try? container.decode(Bool.self, forKey: key) { return "\(truth)" }
        if let number = try? container.decode(Int.self, forKey: key) { return "\(number)" }
        if let number = try? container.decode(Double.self, forKey: key) { return "\(number)" }
        if (try? container.nestedUnkeyedContainer(forKey: key)) != nil { return "an array" }
        if (try? container.nestedContainer(keyedBy: Key.self, forKey: key)) != nil { return "an object" }
        return Self.unreadable
    }

    /// - Parameter ignored: fields that cannot change an answer.
    /// - Throws: `APIError` naming a field that was never requested.
    func finish(ignoring ignored: Set<String> = []) throws {
        for name in left.subtracting(ignored).sorted() {
            let key = Key(stringValue: name)
            if try container.decodeNil(forKey: key) { continue }
            if let list = try? container.nestedUnkeyedContainer(forKey: key), list.isAtEnd { continue }
            let name = path + Self.shortened(name)
            throw APIError.invalid(
                "\(name) is not supported by this server, expected it to be left out", param: name,
                code: "unsupported_parameter")
        }
    }
}
