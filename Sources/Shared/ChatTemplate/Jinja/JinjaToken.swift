/// A token of a template.
package struct JinjaToken: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        /// Text outside the tags.
        case data(JinjaString)
        case outputBegin, outputEnd
        case blockBegin, blockEnd
        case name(String)
        case string(JinjaString)
        case integer(Int)
        case float(Double)
        /// Brackets, separators and operators.
        case symbol(String)
        case end
    }

    package let kind: Kind
    package let line: Int

    /// For messages.
    package var described: String {
        switch kind {
        case .data: "text"
        case .outputBegin: "'{{'"
        case .outputEnd: "'}}'"
        case .blockBegin: "'{%'"
        case .blockEnd: "'%}'"
        case .name(let name): "'\(name)'"
        case .string: "a string"
        case .integer(let value): "\(value)"
        case .float(let value): "\(value)"
        case .symbol(let symbol): "'\(symbol)'"
        case .end: "the end of the template"
        }
    }
}
