import SpeculateShared

/// Reads JSON (RFC 8259), bounded in depth. Keys and texts are kept byte by byte: to Foundation's dictionaries, two tokens
/// that are canonically equivalent are one. As Python's writer does, `NaN` and `Infinity` may stand for numbers.
struct JSONParser {
    private static let greatestDepth = 64
    private static let words: [(String, JSONValue)] = [
        ("true", .bool(true)), ("false", .bool(false)), ("null", .null), ("NaN", .number(.nan)),
        ("Infinity", .number(.infinity)), ("-Infinity", .number(-.infinity)),
    ]
    private static let escapes: [UInt8: UInt8] = [34: 34, 92: 92, 47: 47, 98: 8, 102: 12, 110: 10, 114: 13, 116: 9]

    private let bytes: [UInt8]
    private let file: String
    private var index = 0

    /// - Parameter file: for messages.
    /// - Throws: `ModelFileError` saying at which byte the document is not JSON.
    static func parse(_ bytes: [UInt8], file: String) throws(ModelFileError) -> JSONValue {
        var parser = JSONParser(bytes: bytes, file: file)
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { parser.index = 3 }
        let value = try parser.value(depth: 0)
        parser.skipSpaces()
        guard parser.index == bytes.count else { throw parser.wrong("the end") }
        return value
    }

    private init(bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    private func wrong(_ expected: String) -> ModelFileError {
        let found = index < bytes.count ? "byte \(bytes[index])" : "the end"
        return .bad(file, "is not JSON: \(found) at offset \(index), expected \(expected)")
    }

    private mutating func skipSpaces() {
        while index < bytes.count, [32, 9, 10, 13].contains(bytes[index]) { index += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func value(depth: Int) throws(ModelFileError) -> JSONValue {
        guard depth < Self.greatestDepth else {
            throw .bad(file, "nests more than \(Self.greatestDepth) deep at offset \(index)")
        }
        skipSpaces()
        guard index < bytes.count else { throw wrong("a value") }
        switch bytes[index] {
        case UInt8(ascii: "{"): return try object(depth)
        case UInt8(ascii: "["): return try array(depth)
        case UInt8(ascii: "\""): return .string(try string())
        default: break
        }
        for (word, value) in Self.words where bytes[index...].starts(with: word.utf8) {
            index += word.utf8.count
            return value
        }
        return try number()
    }

    private mutating func object(_ depth: Int) throws(ModelFileError) -> JSONValue {
        index += 1
        var object = JSONObject()
        var keys = Set<[UInt8]>()
        skipSpaces()
        if take("}") { return .object(object) }
        while true {
            skipSpaces()
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { throw wrong("a key") }
            let key = try string()
            guard keys.insert(Array(key.utf8)).inserted else {
                throw .bad(file, "the key \(excerpt(key)) is there twice, before offset \(index)")
            }
            skipSpaces()
            guard take(":") else { throw wrong("':'") }
            object.members.append(.init(key: key, value: try value(depth: depth + 1)))
            skipSpaces()
            if take("}") { return .object(object) }
            guard take(",") else { throw wrong("',' or '}'") }
        }
    }

    private mutating func array(_ depth: Int) throws(ModelFileError) -> JSONValue {
        index += 1
        var array: [JSONValue] = []
        skipSpaces()
        if take("]") { return .array(array) }
        while true {
            array.append(try value(depth: depth + 1))
            skipSpaces()
            if take("]") { return .array(array) }
            guard take(",") else { throw wrong("',' or ']'") }
        }
    }

    private mutating func number() throws(ModelFileError) -> JSONValue {
        let start = index
        while index < bytes.count, (48...57).contains(bytes[index]) || [43, 45, 46, 69, 101].contains(bytes[index]) {
            index += 1
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if let integer = Int(text), !text.hasPrefix("+") { return .integer(integer) }
        guard let number = Double(text), !text.hasPrefix("+") else {
            index = start
            throw wrong("a value")
        }
        return .number(number)
    }

    private mutating func string() throws(ModelFileError) -> String {
        index += 1
        var text: [UInt8] = []
        while true {
            let start = index
            while index < bytes.count, bytes[index] != 34, bytes[index] != 92, bytes[index] >= 32 { index += 1 }
            text += bytes[start..<index]
            guard index < bytes.count else { throw wrong("the end of a text") }
            if take("\"") { break }
            guard take("\\") else { throw wrong("a text without control characters") }
            try escape(into: &text)
        }
        guard let string = String(validating: text, as: UTF8.self) else {
            throw .bad(file, "a text before offset \(index) is not UTF-8")
        }
        return string
    }

    private mutating func escape(into text: inout [UInt8]) throws(ModelFileError) {
        guard index < bytes.count else { throw wrong("the end of a text") }
        if let byte = Self.escapes[bytes[index]] {
            index += 1
            return text.append(byte)
        }
        guard take("u") else { throw wrong("an escape") }
        var code = try unit()
        if code & 0xfc00 == 0xd800, bytes[index...].starts(with: "\\u".utf8) {
            index += 2
            let low = try unit()
            guard low & 0xfc00 == 0xdc00 else { throw wrong("the second half of a surrogate pair") }
            code = 0x10000 + (code & 0x3ff) << 10 + (low & 0x3ff)
        }
        guard let scalar = Unicode.Scalar(code) else { throw wrong("a surrogate pair") }
        text += Array(String(Character(scalar)).utf8)
    }

    private mutating func unit() throws(ModelFileError) -> UInt32 {
        guard index + 4 <= bytes.count,
            bytes[index..<index + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let code = UInt32(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16)
        else { throw wrong("four hexadecimal digits") }
        index += 4
        return code
    }
}
