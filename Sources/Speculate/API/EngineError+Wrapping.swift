import SpeculateShared

extension EngineError {
    /// The error of a lower layer, as the library reports it.
    package init(_ error: any Error, path: String) {
        switch error {
        case let error as EngineError: self = error
        case let error as FileError: self.init(error.isMissing ? .fileMissing : .fileUnreadable, error.description)
        case let error as CheckpointError: self.init(.invalidCheckpoint, "\(path): \(error.description)")
        case let error as OutOfMemory: self.init(error)
        case let error as Kernels.Unavailable: self.init(.invalidRequest, error.description)
        default: self.init(.runtime, "\(path): \(error)")
        }
    }

    static let shuttingDown = EngineError(.shuttingDown, "the engine is being shut down")

    /// There may be memory again when others are done.
    init(_ error: OutOfMemory) { self.init(.overloaded, error.description) }
}
