/// A number to put into a file, usually an edge case.
struct LooseNumber {
    let integer: Int64
    let float: Double

    private static let integers: [Int64] = [
        0, 1, 2, -1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 95, 96, 97, 127, 128, 129, 160,
        192, 255, 256, 257, 258, 259, 260, 261, 511, 512, 513, 1023, 1024, 1025, 4096, 65535, 65536, 65537, 1 << 20,
        1 << 20 + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, -0x8000_0000, 1 << 61, .max / 2, .max, .min,
    ]
    private static let floats: [Double] = [
        0, 1, .nan, .infinity, -.infinity, -0.0, -1, 0.5, 2, 1e-6, 1e-30, 1e30, 1e-45, 1.2e-38, 3.4e38, 1e300, 65504,
        65520, 16_777_216, 1e9,
    ]

    /// `choice` indexes a table of edge cases; from 128 on the number is composed of `low` and `high`.
    init(_ choice: UInt8, low: UInt8, high: UInt8) {
        if choice < 128 {
            integer = Self.integers[Int(choice) % Self.integers.count]
            float = Self.floats[Int(choice) % Self.floats.count]
        } else {
            integer = Int64(low) | Int64(high) << 8
            float = Double(integer)
        }
    }

    /// A size that a file could have; products of two do not overflow.
    var size: Int { Int(min(max(integer, 1), 1 << 31)) }
}
