/// The character classes that pre-tokenizers distinguish. Every character belongs to exactly one of the single ones.
struct CharacterKind: OptionSet {
    let rawValue: UInt8

    /// `\p{Lu}` and `\p{Lt}`.
    static let upper = CharacterKind(rawValue: 1)
    /// `\p{Ll}`.
    static let lower = CharacterKind(rawValue: 1 << 1)
    /// `\p{Lm}` and `\p{Lo}`: letters without case, or of scripts that have none.
    static let caseless = CharacterKind(rawValue: 1 << 2)
    /// `\p{M}`.
    static let mark = CharacterKind(rawValue: 1 << 3)
    /// `\p{N}`.
    static let number = CharacterKind(rawValue: 1 << 4)
    /// `\s`.
    static let space = CharacterKind(rawValue: 1 << 5)
    /// `\p{P}` and `\p{S}`.
    static let symbol = CharacterKind(rawValue: 1 << 6)
    /// Control characters but for spaces, format characters, unassigned ones.
    static let other = CharacterKind(rawValue: 1 << 7)

    // Numbers rather than lists of the above: they are read for every character.

    /// `\p{L}`.
    static let letter = CharacterKind(rawValue: 0b0000_0111)
    /// `[\p{L}\p{M}]`.
    static let letterOrMark = CharacterKind(rawValue: 0b0000_1111)
    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`.
    static let notLower = CharacterKind(rawValue: 0b0000_1101)
    /// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`.
    static let notUpper = CharacterKind(rawValue: 0b0000_1110)
    /// `[^\s\p{L}\p{N}]`.
    static let noWord = CharacterKind(rawValue: 0b1100_1000)
    /// `[^\s\p{L}\p{M}\p{N}]`.
    static let noWordOrMark = CharacterKind(rawValue: 0b1100_0000)

    static let ascii: [CharacterKind] = (0..<128).map { CharacterKind(Unicode.Scalar(UInt8($0))) }

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init(_ scalar: Unicode.Scalar) {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .titlecaseLetter: self = .upper
        case .lowercaseLetter: self = .lower
        case .modifierLetter, .otherLetter: self = .caseless
        case .nonspacingMark, .spacingMark, .enclosingMark: self = .mark
        case .decimalNumber, .letterNumber, .otherNumber: self = .number
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation, .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol:
            self = .symbol
        default: self = scalar.properties.isWhitespace ? .space : .other
        }
    }

    @inline(__always)
    func isIn(_ kinds: CharacterKind) -> Bool { rawValue & kinds.rawValue != 0 }
}
