extension Character {
    /// Columns that the character takes on a terminal: two if it is wide (Unicode's East Asian Width, by whole ranges)
    /// or pictographic, else one.
    var columns: Int {
        unicodeScalars.contains { scalar in
            scalar.properties.isEmojiPresentation || Self.wide.contains { $0.contains(scalar.value) }
        } ? 2 : 1
    }

    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xa960...0xa97c, 0xac00...0xd7a3, 0xf900...0xfaff,
        0xfe30...0xfe6f, 0xff01...0xff60, 0xffe0...0xffe6, 0x20000...0x3fffd,
    ]
}
