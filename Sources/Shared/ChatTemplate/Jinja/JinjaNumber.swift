/// How Python reads and rounds numbers.
enum JinjaNumber {
    // MARK: Reading

    /// `int(text, base)`: nil for what is no integer, and nil inside for one of more than 64 bits.
    static func integer(_ text: JinjaString, base: Int) -> Int?? {
        var (digits, isNegative) = signed(plain(text))
        var base = base
        guard base == 0 || (2...36).contains(base) else { return nil }
        let prefix = digits.count > 1 && digits.first == "0" ? bases[digits[digits.startIndex + 1]] : nil
        if let prefix, base == 0 || base == prefix {
            base = prefix
            digits = digits.dropFirst(2)
            if digits.first == "_" { digits = digits.dropFirst() }
        } else if base == 0 {
            base = 10
            // What C reads as an octal number is none to Python, but for zeros.
            guard digits.first != "0" || digits.allSatisfy({ $0 == "0" || $0 == "_" }) else { return nil }
        }
        guard let digits = withoutUnderscores(digits, where: { $0.isLetter || $0.isNumber }), !digits.isEmpty,
            digits.allSatisfy({ $0.hexadecimal(below: base) })
        else { return nil }
        return .some(Int((isNegative ? "-" : "") + digits, radix: base))
    }

    /// `float(text)`; nil for what is no number.
    static func float(_ text: JinjaString) -> Double? {
        let (unsigned, isNegative) = signed(plain(text))
        let sign = isNegative ? -1.0 : 1
        let name = String(unsigned).lowercased()
        if name == "inf" || name == "infinity" { return sign * .infinity }
        if name == "nan" { return .nan }
        guard let digits = withoutUnderscores(unsigned, where: isDigit), isNumber(digits[...]) else { return nil }
        return Double(digits).map { sign * $0 }
    }

    private static let bases: [Character: Int] = ["x": 16, "X": 16, "o": 8, "O": 8, "b": 2, "B": 2]

    private static func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) }

    /// The text without white space around it, and digits of all scripts as ASCII's.
    private static func plain(_ text: JinjaString) -> ArraySlice<Character> {
        // Python's numbers do not take all that is space elsewhere.
        let isSpace: (Unicode.Scalar) -> Bool = { $0.isPythonSpace && !(0x1c...0x1f).contains($0.value) }
        let scalars = text.scalars.drop(while: isSpace)
        let end = scalars.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? scalars.startIndex
        return scalars[..<end].map { scalar in
            guard !scalar.isASCII, scalar.properties.numericType == .decimal,
                let value = scalar.properties.numericValue
            else { return Character(scalar) }
            return Character(String(Int(value)))
        }[...]
    }

    private static func signed(_ text: ArraySlice<Character>) -> (ArraySlice<Character>, isNegative: Bool) {
        guard let first = text.first, first == "-" || first == "+" else { return (text, false) }
        return (text.dropFirst(), first == "-")
    }

    /// nil where an underscore is not between two digits.
    private static func withoutUnderscores(
        _ text: ArraySlice<Character>, where isDigit: (Character) -> Bool
    ) -> String? {
        var plain = ""
        for index in text.indices {
            guard text[index] == "_" else {
                plain.append(text[index])
                continue
            }
            guard index > text.startIndex, index + 1 < text.endIndex, isDigit(text[index - 1]), isDigit(text[index + 1])
            else { return nil }
        }
        return plain
    }

    /// Whether the text is digits with at most one point among them, and maybe an exponent.
    private static func isNumber(_ text: Substring) -> Bool {
        let parts = text.split(separator: "e", maxSplits: 1, omittingEmptySubsequences: false)
            .flatMap { $0.split(separator: "E", maxSplits: 1, omittingEmptySubsequences: false) }
        guard parts.count <= 2 else { return false }
        if parts.count == 2 {
            let exponent = parts[1].first == "-" || parts[1].first == "+" ? parts[1].dropFirst() : parts[1]
            guard !exponent.isEmpty, exponent.allSatisfy(isDigit) else { return false }
        }
        let halves = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        return halves.contains { !$0.isEmpty } && halves.allSatisfy { $0.allSatisfy(isDigit) }
    }

    // MARK: Rounding

    /// `round(number, digits)`: the nearest decimal number to the exact value of the binary one, the even one of two.
    static func rounded(_ number: Double, to digits: Int) -> Double {
        // No double has more digits behind the point, or before it.
        guard number.isFinite, number != 0, digits <= 323 else { return number }
        guard digits >= -309 else { return 0 * number }
        if digits >= 0 { return Double(text(number, "%.*f", digits)) ?? number }
        // The exponent of the first digit: printing with many of them does not carry into it.
        let exponent = Int(text(number, "%.*e", 40).split(separator: "e")[1]) ?? 0
        let places = exponent + digits
        if places >= 0 { return Double(text(number, "%.*e", places)) ?? number }
        let half = 5 * pow(10, Double(-digits - 1))
        return places == -1 && abs(number) > half ? (number < 0 ? -1 : 1) * pow(10, Double(-digits)) : 0 * number
    }

    /// The same of an integer; nil if the result has more than 64 bits.
    static func rounded(_ number: Int, to digits: Int) -> Int? {
        guard digits < 0 else { return number }
        // Half of 10²⁰ is more than any integer here.
        guard digits > -20 else { return 0 }
        guard digits > -19 else {
            let half = 5_000_000_000_000_000_000
            return number > half || number < -half ? nil : 0
        }
        let unit = (0..<(-digits)).reduce(1) { power, _ in power * 10 }
        let (quotient, rest) = number.quotientAndRemainder(dividingBy: unit)
        let down = quotient * unit
        let twice = rest.magnitude.multipliedReportingOverflow(by: 2).partialValue
        guard twice > unit.magnitude || twice == unit.magnitude && quotient % 2 != 0 else { return down }
        let (up, overflows) = number < 0 ? down.subtractingReportingOverflow(unit) : down.addingReportingOverflow(unit)
        return overflows ? nil : up
    }

    /// C's formats round as exactly.
    private static func text(_ number: Double, _ format: String, _ digits: Int) -> String {
        var buffer = [CChar](repeating: 0, count: 700)
        _ = withVaList([Int32(digits), number]) { vsnprintf(&buffer, buffer.count, format, $0) }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

extension Character {
    /// Whether it is a digit of the base, in ASCII.
    fileprivate func hexadecimal(below base: Int) -> Bool {
        isASCII && Int(String(self), radix: 36).map { $0 < base } ?? false
    }
}
