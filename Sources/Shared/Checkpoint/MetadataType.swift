/// The types of GGUF metadata values, with the format's numbers.
package enum MetadataType: UInt32, Sendable, CustomStringConvertible {
    case uint8 = 0, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

    package var description: String {
        switch self {
        case .uint8: "a uint8"
        case .int8: "an int8"
        case .uint16: "a uint16"
        case .int16: "an int16"
        case .uint32: "a uint32"
        case .int32: "an int32"
        case .float32: "a float32"
        case .bool: "a bool"
        case .string: "a string"
        case .array: "an array"
        case .uint64: "a uint64"
        case .int64: "an int64"
        case .float64: "a float64"
        }
    }
}
