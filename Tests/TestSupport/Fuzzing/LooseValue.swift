/// A metadata value split up but not interpreted, so that it can be reassembled wrongly.
enum LooseValue {
    static let stringType: UInt32 = 8
    static let arrayType: UInt32 = 9
    private static let float32Type: UInt32 = 6
    private static let float64Type: UInt32 = 12

    case number(type: UInt32, [UInt8])
    case string([UInt8])
    case array(of: UInt32, [LooseValue])

    static func text(_ text: String) -> Self { .string(Array(text.utf8)) }

    /// `number` in the type's bytes, truncated if they are too few. Unknown types have none.
    init(_ number: LooseNumber, type: UInt32) {
        switch type {
        case Self.stringType: self = .text("\(number.integer)")
        case Self.arrayType: self = .array(of: 5, [LooseValue(number, type: 5), LooseValue(number, type: 5)])
        case Self.float32Type: self = .number(type: type, withUnsafeBytes(of: Float(number.float)) { Array($0) })
        case Self.float64Type: self = .number(type: type, withUnsafeBytes(of: number.float) { Array($0) })
        default:
            let bytes = withUnsafeBytes(of: number.integer) { $0.prefix(Self.byteCount(type)).map { $0 } }
            self = .number(type: type, bytes)
        }
    }

    var type: UInt32 {
        switch self {
        case .number(let type, _): type
        case .string: Self.stringType
        case .array: Self.arrayType
        }
    }

    /// The elements of an array of strings, as bytes.
    var strings: [[UInt8]] {
        get {
            guard case .array(_, let elements) = self else { return [] }
            return elements.compactMap { if case .string(let bytes) = $0 { bytes } else { nil } }
        }
        set { self = .array(of: Self.stringType, newValue.map { .string($0) }) }
    }

    /// Bytes of a number of this type.
    static func byteCount(_ type: UInt32) -> Int {
        let counts = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8]
        return type < counts.count ? counts[Int(type)] : 0
    }

    func append(to out: inout [UInt8]) {
        switch self {
        case .number(_, let bytes): out += bytes
        case .string(let bytes):
            LooseCheckpoint.append(UInt64(bytes.count), to: &out)
            out += bytes
        case .array(let type, let elements):
            LooseCheckpoint.append(type, to: &out)
            LooseCheckpoint.append(UInt64(elements.count), to: &out)
            for element in elements { element.append(to: &out) }
        }
    }
}
