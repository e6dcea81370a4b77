import ArgumentParser
import Foundation
import Speculate

/// Runs a command's body; an error becomes one line on standard error and the exit status of its kind.
func reportingErrors(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let error as EngineError {
        let hint = error.code == .unsupportedChatTemplate ? " (--chat-format)" : ""
        Terminal.log("speculate: error: \(FlagNames.replacing(in: error.message))\(hint)")
        throw ExitCode(error.code.exitStatus)
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
