import Foundation
import Speculate
import SpeculateHub

/// Getting a repository's model, as seen at the terminal.
enum ModelFetch {
    /// The file that a user means by a path, which goes first, or by a repository's name: what is here, without any
    /// network, else what the hub has.
    /// - Throws: `EngineError` saying what went wrong.
    static func location(of name: String) async throws -> String {
        guard !FileManager.default.fileExists(atPath: name), RepositoryReference.isLike(name) else { return name }
        do {
            return try await reportingHub {
                let reference = try RepositoryReference(name)
                if let model = try ModelStore().find(reference) { return model.path }
                return try await pulled(reference, isQuiet: false).path
            }
        } catch let error as EngineError where error.code == .fileMissing {
            throw EngineError(.fileMissing, "\(error.message) (and there is no file '\(name)')")
        }
    }

    /// The hub's model, fetched as far as it is not here. Ctrl-C ends the program and keeps what came.
    static func pulled(_ reference: RepositoryReference, isQuiet: Bool) async throws -> StoredModel {
        let progress = FetchProgress(isShown: !isQuiet)
        let interrupts = Interrupts.shared
        interrupts.onInterrupt {
            progress.finish()
            Terminal.log("interrupted; what came is kept, and the same command resumes it")
            exit(130)
        }
        defer {
            interrupts.onInterrupt(nil)
            progress.finish()
        }
        return try await Pull(HubSettings()) { progress.show($0) }.run(reference)
    }
}
