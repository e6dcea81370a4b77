/// Inside the tags.
extension JinjaLexer {
    private static let symbols: [String] = [
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=",
        ".", ":", "|", ",", ";",
    ]

    /// Reads up to the end of the tag, which brackets inside keep from being one.
    mutating func readInside(isOutput: Bool) throws(JinjaError) {
        var open: [Unicode.Scalar] = []
        while index < scalars.count {
            if open.isEmpty, readEnd(isOutput: isOutput) { return }
            let scalar = scalars[index]
            if scalar.isPythonSpace {
                if scalar == "\n" { line += 1 }
                index += 1
            } else if ("0"..."9").contains(scalar) {
                try readNumber()
            } else if scalar == "_" || scalar.isPythonLetter {
                readName()
            } else if scalar == "'" || scalar == "\"" {
                try readString(scalar)
            } else {
                try readSymbol(&open)
            }
        }
        throw error("a tag without an end", expected: isOutput ? "'}}'" : "'%}'")
    }

    private mutating func readEnd(isOutput: Bool) -> Bool {
        var sign: Unicode.Scalar?
        if at("-") { sign = "-" } else if at("+"), !isOutput { sign = "+" }
        let offset = sign == nil ? 0 : 1
        guard isOutput ? at("}}", offset) : at("%}", offset) else { return false }
        emit(isOutput ? .outputEnd : .blockEnd)
        let start = index
        index += offset + 2
        skipSpace(after: sign, trims: !isOutput)
        line += scalars[start..<index].count { $0 == "\n" }
        return true
    }

    private mutating func readName() {
        let start = index
        while index < scalars.count, scalars[index] == "_" || scalars[index].isPythonAlphanumeric { index += 1 }
        emit(.name(JinjaString(Array(scalars[start..<index])).text))
    }

    private mutating func readSymbol(_ open: inout [Unicode.Scalar]) throws(JinjaError) {
        guard let symbol = Self.symbols.first(where: { scalars[index...].starts(with: $0.unicodeScalars) }) else {
            throw error("unexpected character '\(scalars[index])'")
        }
        switch symbol {
        case "(": open.append(")")
        case "[": open.append("]")
        case "{": open.append("}")
        case ")", "]", "}":
            guard let closing = open.popLast() else { throw error("unexpected '\(symbol)'") }
            guard String(closing) == symbol else { throw error("unexpected '\(symbol)'", expected: "'\(closing)'") }
        default: break
        }
        emit(.symbol(symbol))
        index += symbol.count
    }

    /// 12, 1_000, 0x1f, 0o17, 0b101, 1.5, 2e10
    private mutating func readNumber() throws(JinjaError) {
        let isAfterDot = index > 0 && scalars[index - 1] == "."
        for (prefix, radix) in [("xX", 16), ("oO", 8), ("bB", 2)] where scalars[index] == "0" {
            guard index + 1 < scalars.count, prefix.unicodeScalars.contains(scalars[index + 1]) else { continue }
            index += 2
            let digits = readDigits(radix)
            guard let value = Int(digits, radix: radix) else { throw error("number 0\(prefix.first!)\(digits)") }
            return emit(.integer(value))
        }
        var text = readDigits(10)
        var isFloat = false
        if !isAfterDot, at("."), index + 1 < scalars.count, ("0"..."9").contains(scalars[index + 1]) {
            index += 1
            text += "." + readDigits(10)
            isFloat = true
        }
        if !isAfterDot, at("e") || at("E") {
            let signed = at("+", 1) || at("-", 1) ? 1 : 0
            if index + 1 + signed < scalars.count, ("0"..."9").contains(scalars[index + 1 + signed]) {
                text += signed == 1 ? "e\(scalars[index + 1])" : "e"
                index += 1 + signed
                text += readDigits(10)
                isFloat = true
            }
        }
        if isFloat, let value = Double(text) { return emit(.float(value)) }
        guard !isFloat, let value = Int(text) else {
            throw JinjaError(.unsupported, line: line, "number \(text)", expected: "at most \(Int.max)")
        }
        guard text.first != "0" || value == 0 else { throw error("number \(text)", expected: "no zeros in front") }
        emit(.integer(value))
    }

    private mutating func readDigits(_ radix: Int) -> String {
        var digits = ""
        while index < scalars.count {
            let character = Character(scalars[index])
            if scalars[index].isASCII, let digit = character.hexDigitValue, digit < radix {
                digits.append(character)
            } else if !(scalars[index] == "_" && !digits.isEmpty) {
                break
            }
            index += 1
        }
        return digits
    }

    // MARK: Strings

    private mutating func readString(_ quote: Unicode.Scalar) throws(JinjaError) {
        var text = JinjaString()
        let start = line
        index += 1
        while index < scalars.count, scalars[index] != quote {
            let scalar = scalars[index]
            if scalar == "\n" { line += 1 }
            index += 1
            if scalar == "\\" { try readEscape(into: &text) } else { text.append(scalar, isForeign: false) }
        }
        guard index < scalars.count else {
            throw JinjaError(.syntax, line: start, "a string without an end", expected: "\(quote)")
        }
        index += 1
        emit(.string(text))
    }

    /// Reads what follows a backslash. An escape that Python does not know stands for itself, backslash included.
    private mutating func readEscape(into text: inout JinjaString) throws(JinjaError) {
        guard index < scalars.count else { return }
        let scalar = scalars[index]
        index += 1
        switch scalar {
        case "\n": line += 1
        case "\\", "'", "\"": text.append(scalar, isForeign: false)
        case "n": text.append("\n")
        case "t": text.append("\t")
        case "r": text.append("\r")
        case "a": text.append("\u{7}")
        case "b": text.append("\u{8}")
        case "f": text.append("\u{c}")
        case "v": text.append("\u{b}")
        case "x": try readCode(digits: 2, into: &text)
        case "u": try readCode(digits: 4, into: &text)
        case "U": try readCode(digits: 8, into: &text)
        case "N": throw JinjaError(.unsupported, line: line, "a character by name, '\\N'", expected: "'\\u'")
        case "0"..."7":
            var code = scalar.value - 48
            for _ in 0..<2 where index < scalars.count && ("0"..."7").contains(scalars[index]) {
                code = code * 8 + scalars[index].value - 48
                index += 1
            }
            text.append(Unicode.Scalar(code)!, isForeign: false)
        default:
            text.append("\\")
            text.append(scalar, isForeign: false)
        }
    }

    private mutating func readCode(digits: Int, into text: inout JinjaString) throws(JinjaError) {
        let end = index + digits
        let code = end <= scalars.count ? UInt32(JinjaString(Array(scalars[index..<end])).text, radix: 16) : nil
        guard let code, let scalar = Unicode.Scalar(code) else {
            throw error("a character's code", expected: "\(digits) hexadecimal digits of a character")
        }
        index = end
        text.append(scalar, isForeign: false)
    }
}
