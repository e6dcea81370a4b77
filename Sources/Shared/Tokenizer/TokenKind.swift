/// What a vocabulary entry is, with the file format's numbers.
package enum TokenKind: Int, Sendable {
    case normal = 1, unknown, control, userDefined, unused, byte
}
