/// Why a folder could not be made into a GGUF file. The message names the file, the thing in it, its value and what was
/// expected.
package struct ImportError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: Sendable {
        /// The output exists, or a flag does not fit.
        case usage
        /// There is no such folder or file.
        case missing
        /// What is in the folder is damaged, or nothing that can be converted.
        case badFile
        /// A file cannot be read or written.
        case runtime
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Of a file of the folder, by its name there.
    static func bad(_ file: String, _ reason: String) -> Self { Self(.badFile, "\(file): \(reason)") }

    package var description: String { message }
}
