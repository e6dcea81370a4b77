/// GPT-2's alphabet: every byte as one printable character, so that a vocabulary file is text (Radford et al. 2019,
/// `bytes_to_unicode`). Printable Latin-1 maps to itself, the other 68 bytes to U+0100 and up.
enum ByteAlphabet {
    static let scalars: [Unicode.Scalar] = {
        var next = UInt32(256)
        return (0...255).map { byte in
            if (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte) {
                return Unicode.Scalar(UInt8(byte))
            }
            defer { next += 1 }
            return Unicode.Scalar(next)!
        }
    }()

    private static let bytes: [UInt16] = {
        var table = [UInt16](repeating: .max, count: 324)
        for (byte, scalar) in scalars.enumerated() { table[Int(scalar.value)] = UInt16(byte) }
        return table
    }()

    /// Appends the bytes that a vocabulary entry stands for; false if it has a character outside the alphabet.
    static func decode(_ text: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) -> Bool {
        let start = output.count
        var index = 0
        return bytes.withUnsafeBufferPointer { table in
            while index < text.count {
                var value = Int(text[index])
                index += 1
                if value >= 0x80 {
                    guard value & 0xe0 == 0xc0, index < text.count else { break }
                    value = (value & 0x1f) << 6 | Int(text[index] & 0x3f)
                    index += 1
                }
                guard value < table.count, table[value] != .max else { break }
                output.append(UInt8(table[value]))
                if index == text.count { return true }
            }
            guard text.isEmpty else {
                output.removeSubrange(start...)
                return false
            }
            return true
        }
    }
}
