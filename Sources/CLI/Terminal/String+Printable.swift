extension String {
    /// The text with characters written out that would steer a terminal, or that nobody sees: what a file says is shown, not
    /// obeyed.
    var printable: String {
        var shown = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar.value {
            // Controls, and marks that turn the direction of what follows.
            case 0..<0x20, 0x7f..<0xa0, 0x061c, 0x200b, 0x200e...0x200f, 0x2028...0x202e, 0x2066...0x2069:
                shown.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            default: shown.append(scalar)
            }
        }
        return String(shown)
    }
}
