/// Text in quotes for a message, cut where it is long: nobody is sent back all that they sent.
package func excerpt(_ text: String, longest: Int = 60) -> String {
    let scalars = text.unicodeScalars
    guard let end = scalars.index(scalars.startIndex, offsetBy: longest, limitedBy: scalars.endIndex),
        end < scalars.endIndex
    else { return "'\(text)'" }
    return "'\(text[..<end])…'"
}
