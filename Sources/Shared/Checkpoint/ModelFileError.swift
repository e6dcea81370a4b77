/// Why a model's file could not be fetched, found, made or removed. The message names the thing, its value and what was
/// expected.
package struct ModelFileError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: Sendable {
        /// A name, a flag or a setting is not what it has to be, or the output exists.
        case usage
        /// There is no such repository, folder, file or quantization.
        case missing
        /// What came or lies there is damaged, not what was announced, or nothing that can be converted.
        case badFile
        /// The hub does not answer or refuses, or a file cannot be read or written.
        case runtime
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
