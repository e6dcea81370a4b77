/// How Python prints values.
extension JinjaValue {
    /// `str(value)`.
    package var printed: JinjaString {
        switch self {
        case .string(let text): return text
        case .undefined: return JinjaString()
        default:
            var output = JinjaString()
            write(into: &output)
            return output
        }
    }

    /// Appends `repr(value)`.
    private func write(into output: inout JinjaString) {
        switch self {
        case .undefined: output.append("Undefined")
        case .none: output.append("None")
        case .bool(let value): output.append(value ? "True" : "False")
        case .integer(let value): output.append(String(value))
        case .float(let value): output.append(Self.text(of: value))
        case .string(let text): Self.write(text, into: &output)
        case .list(let list):
            if case .range(let start, let stop, let step) = list.kind {
                return output.append("range(\(start), \(stop)\(step == 1 ? "" : ", \(step)"))")
            }
            let (isTuple, isView) = (list.kind == .tuple, list.kind.isView)
            output.append(isTuple ? "(" : isView ? list.kind.name + "([" : "[")
            for (index, item) in list.items.enumerated() {
                if index > 0 { output.append(", ") }
                item.write(into: &output)
            }
            output.append(isTuple ? (list.items.count == 1 ? ",)" : ")") : isView ? "])" : "]")
        case .dictionary(let dictionary):
            output.append("{")
            for (index, entry) in dictionary.entries.enumerated() {
                if index > 0 { output.append(", ") }
                entry.key.write(into: &output)
                output.append(": ")
                entry.value.write(into: &output)
            }
            output.append("}")
        case .namespace, .loop, .macro, .function, .method: output.append("<\(typeName)>")
        }
    }

    /// `repr` of a float. Swift, too, writes the shortest text that reads back as the same number.
    package static func text(of number: Double) -> String { number.isNaN ? "nan" : number.description }

    /// Appends a quoted text: in double quotes only if that saves escaping single ones.
    private static func write(_ text: JinjaString, into output: inout JinjaString) {
        let quote: Unicode.Scalar = text.scalars.contains("'") && !text.scalars.contains("\"") ? "\"" : "'"
        output.append(quote, isForeign: false)
        text.forEach { scalar, isForeign in
            let shown: String
            switch scalar {
            case "\\": shown = "\\\\"
            case "\n": shown = "\\n"
            case "\r": shown = "\\r"
            case "\t": shown = "\\t"
            case quote: shown = "\\\(quote)"
            case _ where scalar.isPythonPrintable:
                output.append(scalar, isForeign: isForeign)
                return
            case _ where scalar.value < 0x100: shown = "\\x" + hex(scalar.value, digits: 2)
            case _ where scalar.value < 0x10000: shown = "\\u" + hex(scalar.value, digits: 4)
            default: shown = "\\U" + hex(scalar.value, digits: 8)
            }
            output.append(shown.unicodeScalars, isForeign: isForeign)
        }
        output.append(quote, isForeign: false)
    }

    package static func hex(_ value: UInt32, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
