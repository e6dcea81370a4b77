/// Upper and lower case, as Python's `str` has them.
extension JinjaString {
    package var uppercased: JinjaString { mapped(\.properties.uppercaseMapping) }
    package var lowercased: JinjaString { mapped(\.properties.lowercaseMapping) }

    /// The first character in title case, the others in lower case.
    package var capitalized: JinjaString {
        var isFirst = true
        return mapped { scalar in
            defer { isFirst = false }
            return isFirst ? scalar.properties.titlecaseMapping : scalar.properties.lowercaseMapping
        }
    }

    /// Every run of cased characters capitalised: what `str.title` does.
    package var titlecased: JinjaString {
        var isInside = false
        return mapped { scalar in
            defer { isInside = scalar.properties.isCased }
            return isInside ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
        }
    }

    /// The letter after a space, a hyphen or an opening bracket in upper case: what the filter `title` does.
    package var headlined: JinjaString {
        var begins = true
        return mapped { scalar in
            let separates = scalar.isPythonSpace || "-({[<".unicodeScalars.contains(scalar)
            defer { begins = separates }
            if separates { return String(scalar) }
            return begins ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
        }
    }

    /// Whether there are cased characters, and all are in this case.
    package var isUppercase: Bool { isCased(\.isUppercase, without: \.isLowercase) }
    package var isLowercase: Bool { isCased(\.isLowercase, without: \.isUppercase) }

    private func isCased(
        _ wanted: KeyPath<Unicode.Scalar.Properties, Bool>, without other: KeyPath<Unicode.Scalar.Properties, Bool>
    ) -> Bool {
        scalars.contains { $0.properties[keyPath: wanted] }
            && !scalars.contains {
                $0.properties[keyPath: other] || $0.properties.generalCategory == .titlecaseLetter
            }
    }

    /// Whether there are characters, and all are of this kind.
    package func consists(of kind: (Unicode.Scalar) -> Bool) -> Bool { !isEmpty && scalars.allSatisfy(kind) }
}
