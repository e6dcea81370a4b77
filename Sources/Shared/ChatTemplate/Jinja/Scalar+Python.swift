/// Kinds of characters as Python distinguishes them.
extension Unicode.Scalar {
    /// `str.isspace`, and `\s` of regular expressions.
    package var isPythonSpace: Bool {
        switch value {
        case 0x09...0x0d, 0x1c...0x20, 0x85, 0xa0, 0x1680, 0x2000...0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000: true
        default: false
        }
    }

    /// What `str.splitlines` splits at.
    package var isPythonLineEnd: Bool {
        switch value {
        case 0x0a...0x0d, 0x1c...0x1e, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }

    /// `str.isalpha`.
    package var isPythonLetter: Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    /// `str.isdecimal`.
    package var isPythonDecimal: Bool { properties.generalCategory == .decimalNumber }
    /// `str.isdigit`.
    package var isPythonDigit: Bool { properties.numericType == .decimal || properties.numericType == .digit }
    /// `str.isalnum`.
    package var isPythonAlphanumeric: Bool { isPythonLetter || properties.numericType != nil }

    /// Whether `repr` shows the character rather than its number.
    package var isPythonPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: self == " "
        default: true
        }
    }
}
