/// The text in quotes for a message, truncated if long: an error must not echo a whole request.
package func excerpt(_ text: String, longest: Int = 60) -> String {
    let scalars = text.unicodeScalars
    guard let end = scalars.index(scalars.startIndex, offsetBy: longest, limitedBy: scalars.endIndex),
        end < scalars.endIndex
    else { return "'\(text)'" }
    return "'\(text[..<end])…'"
}
