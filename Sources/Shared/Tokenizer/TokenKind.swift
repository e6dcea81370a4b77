/// The kind of a vocabulary entry, with the file format's numbers.
package enum TokenKind: Int, Sendable {
    case normal = 1, unknown, control, userDefined, unused, byte
}
