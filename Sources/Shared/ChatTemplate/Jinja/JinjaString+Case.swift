/// Upper and lower case, as Python's `str` has them.
extension JinjaString {
    package var uppercased: JinjaString { mapped(\.properties.uppercaseMapping) }
    package var lowercased: JinjaString { mappedByIndex { lower($0, in: scalars.indices) } }

    /// The first character in title case, the others in lower case.
    package var capitalized: JinjaString {
        mappedByIndex { $0 == 0 ? scalars[$0].properties.titlecaseMapping : lower($0, in: scalars.indices) }
    }

    /// Every run of cased characters capitalised: what `str.title` does.
    package var titlecased: JinjaString {
        var isInside = false
        return mappedByIndex { index in
            defer { isInside = scalars[index].properties.isCased }
            return isInside ? lower(index, in: scalars.indices) : scalars[index].properties.titlecaseMapping
        }
    }

    /// The letter after a space, a hyphen or an opening bracket in upper case: what the filter `title` does.
    package var headlined: JinjaString {
        // What follows the letter, up to the next such character, is put in lower case on its own.
        var rest = 0..<0
        var begins = true
        return mappedByIndex { index in
            guard !Self.separates(scalars[index]) else {
                begins = true
                return String(scalars[index])
            }
            if begins {
                begins = false
                rest = index + 1..<(scalars[index...].firstIndex(where: Self.separates) ?? count)
                return scalars[index].properties.uppercaseMapping
            }
            return lower(index, in: rest)
        }
    }

    private static func separates(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isPythonSpace || "-({[<".unicodeScalars.contains(scalar)
    }

    /// A character in lower case as part of a text: a sigma that ends a word is written otherwise.
    private func lower(_ index: Int, in range: Range<Int>) -> String {
        guard scalars[index] == "\u{3a3}" else { return scalars[index].properties.lowercaseMapping }
        let before = scalars[range.lowerBound..<index].last { !$0.properties.isCaseIgnorable }
        let after = scalars[index + 1..<range.upperBound].first { !$0.properties.isCaseIgnorable }
        return (before?.properties.isCased ?? false) && !(after?.properties.isCased ?? false) ? "\u{3c2}" : "\u{3c3}"
    }

    private func mappedByIndex(_ body: (Int) -> String) -> JinjaString {
        var index = -1
        return mapped { _ in
            index += 1
            return body(index)
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
