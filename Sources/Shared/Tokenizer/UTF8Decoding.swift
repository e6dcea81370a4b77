/// UTF-8 checks on raw bytes, for tokenizing and streaming.
enum UTF8Decoding {
    /// Bytes of the character that starts with a lead byte; nil for a continuation or an impossible byte.
    static func length(lead: UInt8) -> Int? {
        switch lead {
        case 0x00...0x7f: 1
        case 0xc2...0xdf: 2
        case 0xe0...0xef: 3
        case 0xf0...0xf4: 4
        default: nil
        }
    }

    /// Whether `byte` may be second after `lead` (Unicode standard, table 3-7).
    private static func isSecond(_ byte: UInt8, after lead: UInt8) -> Bool {
        switch lead {
        case 0xe0: (0xa0...0xbf).contains(byte)
        case 0xed: (0x80...0x9f).contains(byte)
        case 0xf0: (0x90...0xbf).contains(byte)
        case 0xf4: (0x80...0x8f).contains(byte)
        default: (0x80...0xbf).contains(byte)
        }
    }

    /// The scalar at the start of `bytes`; nil if it is malformed.
    static func scalar(in bytes: UnsafeBufferPointer<UInt8>) -> (Unicode.Scalar, length: Int)? {
        guard let lead = bytes.first, let length = length(lead: lead), length <= bytes.count else { return nil }
        if length == 1 { return (Unicode.Scalar(lead), 1) }
        guard isSecond(bytes[1], after: lead) else { return nil }
        var value = UInt32(lead) & (0x7f >> UInt32(length))
        for index in 1..<length {
            guard bytes[index] & 0xc0 == 0x80 else { return nil }
            value = value << 6 | UInt32(bytes[index] & 0x3f)
        }
        return Unicode.Scalar(value).map { ($0, length) }
    }

    /// The number of bytes at the end of `bytes` that start a character without completing it: 0 to 3.
    static func incompleteSuffix(of bytes: some BidirectionalCollection<UInt8>) -> Int {
        var tail: [UInt8] = []
        for byte in bytes.reversed().prefix(3) {
            tail.insert(byte, at: 0)
            guard byte & 0xc0 == 0x80 else { break }
        }
        guard let lead = tail.first, let length = length(lead: lead), length > tail.count else { return 0 }
        if tail.count > 1, !isSecond(tail[1], after: lead) { return 0 }
        return tail.count
    }
}
