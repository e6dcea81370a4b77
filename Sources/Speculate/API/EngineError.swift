/// What an engine refuses or fails at. The message names the thing, its value and what was expected.
public struct EngineError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// A checkpoint file does not exist.
        case fileMissing
        /// A file exists but cannot be read.
        case fileUnreadable
        /// A file is not a checkpoint that this engine can use.
        case invalidCheckpoint
        /// A setting of the request or of the engine is out of range.
        case invalidRequest
        /// Prompt and answer do not fit the model's context.
        case contextOverflow
        /// The checkpoint's chat template is none of those known.
        case unsupportedChatTemplate
        /// As many requests wait already as may.
        case overloaded
        /// As many requests of this client are in progress or wait as one client may have.
        case clientOverloaded
        /// The engine is being shut down and takes no more requests.
        case shuttingDown
        /// The computation failed.
        case runtime
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
