extension JinjaRenderer {
    /// `str.format` with fields such as {}, {0} and {name}.
    mutating func formatted(_ text: JinjaString, _ operands: JinjaOperands) throws(JinjaError) -> JinjaString {
        var result = JinjaString()
        var next = 0
        var index = 0
        while index < text.count {
            let scalar = text.scalars[index]
            let isDoubled = index + 1 < text.count && text.scalars[index + 1] == scalar
            guard scalar == "{" || scalar == "}" else {
                result.append(text[index..<index + 1])
                index += 1
                continue
            }
            if isDoubled {
                result.append(text[index..<index + 1])
                index += 2
                continue
            }
            guard scalar == "{", let end = text.scalars[index...].firstIndex(of: "}") else {
                throw JinjaError(.value, "'format' of an unmatched '\(scalar)'", expected: "'{}'")
            }
            let name = text[index + 1..<end].text
            let value = try self.text(of: try field(name, &next, operands))
            try charge(value.count)
            result.append(value)
            index = end + 1
        }
        return result
    }

    private func field(_ name: String, _ next: inout Int, _ operands: JinjaOperands) throws(JinjaError) -> JinjaValue {
        if name.isEmpty || Int(name) != nil {
            let place = Int(name) ?? next
            if name.isEmpty { next += 1 }
            guard operands.positional.indices.contains(place) else {
                throw JinjaError(.value, "'format' of field \(place)", expected: "one of the arguments")
            }
            return operands.positional[place]
        }
        guard name.unicodeScalars.allSatisfy({ $0 == "_" || $0.isPythonAlphanumeric }) else {
            throw JinjaError(.unsupported, "'format' of '{\(name)}'", expected: "'{}', a number or a name in braces")
        }
        guard let value = operands.named.first(where: { $0.name == name })?.value else {
            throw JinjaError(.value, "'format' of field '\(name)'", expected: "one of the arguments")
        }
        return value
    }
}
