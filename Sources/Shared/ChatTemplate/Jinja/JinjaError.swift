/// Why a template cannot be read or rendered.
package struct JinjaError: Error, Equatable, CustomStringConvertible {
    package enum Kind: String, Sendable {
        /// Not the language.
        case syntax
        /// The language, but a part of it that is not implemented, or that templates may not use.
        case unsupported
        /// An undefined value was used where a value is needed.
        case undefined
        /// A value of the wrong type, or out of its range.
        case value
        /// The template asks for more time, depth or memory than it gets.
        case limit
        /// The template itself refuses the conversation, by `raise_exception`.
        case raised
    }

    package let kind: Kind
    /// Line of the template, from 1; 0 where none is to blame.
    package var line: Int
    /// What is wrong, naming the construct.
    package let message: String
    package let expected: String?

    package init(_ kind: Kind, line: Int = 0, _ message: String, expected: String? = nil) {
        self.kind = kind
        self.line = line
        self.message = message
        self.expected = expected
    }

    package var description: String {
        let place = line > 0 ? "the chat template's line \(line): " : "the chat template: "
        return place + message + (expected.map { ", expected \($0)" } ?? "")
    }
}
