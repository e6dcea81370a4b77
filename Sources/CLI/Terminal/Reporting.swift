import ArgumentParser
import Foundation
import Speculate
import SpeculateShared

/// Runs what gets or makes models, or looks after those that are here.
/// - Throws: `EngineError` for what goes wrong there.
func reportingHub<R>(_ body: () async throws -> R) async throws -> R {
    do {
        return try await body()
    } catch let error as ModelFileError {
        throw EngineError(error)
    } catch let error as FileError {
        throw EngineError(.runtime, error.description)
    }
}

/// Runs a command's body; turns an error into one line on standard error and the exit status of its kind.
func reportingErrors(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let error as EngineError {
        let hint = error.message.contains("which format") ? " (--chat-format)" : ""
        Terminal.log("speculate: error: \(FlagNames.replacing(in: error.message).printable)\(hint)")
        throw ExitCode(error.code.exitStatus)
    }
}

extension EngineError {
    /// What went wrong with getting or making a model's file.
    init(_ error: ModelFileError) {
        let code: Code =
            switch error.code {
            case .usage: .invalidRequest
            case .missing: .fileMissing
            case .badFile: .invalidCheckpoint
            case .runtime: .runtime
            }
        self.init(code, error.message)
    }
}

extension EngineError.Code {
    /// After sysexits.h.
    var exitStatus: Int32 {
        switch self {
        case .fileMissing, .fileUnreadable: 66
        case .invalidCheckpoint, .unsupportedChatTemplate: 65
        case .invalidRequest, .contextOverflow: 64
        case .overloaded, .clientOverloaded, .shuttingDown: 75
        case .runtime: 1
        }
    }
}
