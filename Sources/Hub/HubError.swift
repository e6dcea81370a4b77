/// Why a model could not be fetched, found or removed. The message names the thing, its value and what was expected.
package struct HubError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: Sendable {
        /// A name or a setting is not what it has to be.
        case usage
        /// There is no such repository, file or quantization.
        case missing
        /// What came is not what was announced.
        case badFile
        /// The hub does not answer or refuses, or the disk is full.
        case runtime
    }

    package let code: Code
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
