/// A GGUF metadata value. Strings are bytes: the format does not guarantee valid UTF-8.
package enum MetadataValue: Equatable, Sendable {
    case uint8(UInt8), int8(Int8), uint16(UInt16), int16(Int16), uint32(UInt32), int32(Int32), float32(Float)
    case bool(Bool), string([UInt8]), array(MetadataArray), uint64(UInt64), int64(Int64), float64(Double)

    package static func string(_ text: String) -> Self { .string(Array(text.utf8)) }

    package var type: MetadataType {
        switch self {
        case .uint8: .uint8
        case .int8: .int8
        case .uint16: .uint16
        case .int16: .int16
        case .uint32: .uint32
        case .int32: .int32
        case .float32: .float32
        case .bool: .bool
        case .string: .string
        case .array: .array
        case .uint64: .uint64
        case .int64: .int64
        case .float64: .float64
        }
    }

    /// The value as an integer, if it has any of the eight integer types.
    package var integer: Int? {
        switch self {
        case .uint8(let v): Int(v)
        case .int8(let v): Int(v)
        case .uint16(let v): Int(v)
        case .int16(let v): Int(v)
        case .uint32(let v): Int(v)
        case .int32(let v): Int(v)
        case .uint64(let v): Int(exactly: v)
        case .int64(let v): Int(v)
        default: nil
        }
    }

    /// The value as a number, from any numeric type; a bool is 0 or 1.
    package var number: Double? {
        switch self {
        case .float32(let v): Double(v)
        case .float64(let v): v
        case .bool(let v): v ? 1 : 0
        default: integer.map { Double($0) }
        }
    }

    /// The value for a message: an array by its type alone.
    package var summary: String {
        switch self {
        case .string(let bytes): excerpt(String(decoding: bytes, as: UTF8.self))
        case .bool(let v): "\(v)"
        case .float32(let v): "\(v)"
        case .float64(let v): "\(v)"
        default: integer.map { "\($0)" } ?? "\(type)"
        }
    }
}
