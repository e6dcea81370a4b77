/// A GGUF metadata array: one element type, any length; arrays may nest.
package enum MetadataArray: Equatable, Sendable {
    case uint8([UInt8]), int8([Int8]), uint16([UInt16]), int16([Int16]), uint32([UInt32]), int32([Int32])
    case float32([Float]), bool([Bool]), string(ByteStrings), array([MetadataArray], of: MetadataType)
    case uint64([UInt64]), int64([Int64]), float64([Double])

    package var elementType: MetadataType {
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

    package var count: Int {
        switch self {
        case .uint8(let v): v.count
        case .int8(let v): v.count
        case .uint16(let v): v.count
        case .int16(let v): v.count
        case .uint32(let v): v.count
        case .int32(let v): v.count
        case .float32(let v): v.count
        case .bool(let v): v.count
        case .string(let v): v.count
        case .array(let v, _): v.count
        case .uint64(let v): v.count
        case .int64(let v): v.count
        case .float64(let v): v.count
        }
    }

    /// The elements as integers, if they have any of the eight integer types.
    package var integers: [Int]? {
        switch self {
        case .uint8(let v): v.map(Int.init)
        case .int8(let v): v.map(Int.init)
        case .uint16(let v): v.map(Int.init)
        case .int16(let v): v.map(Int.init)
        case .uint32(let v): v.map(Int.init)
        case .int32(let v): v.map(Int.init)
        case .uint64(let v): v.allSatisfy { $0 <= UInt64(Int.max) } ? v.map(Int.init) : nil
        case .int64(let v): v.map(Int.init)
        default: nil
        }
    }
}
