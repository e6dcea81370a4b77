import Foundation
import Speculate

/// Drafters of other diffusion processes, which are trained rather than shipped.
enum Laboratory {
    static let folder = "Training/work/laboratory"
    static var names: String { DiffusionKind.allCases.map(\.rawValue).joined(separator: ", ") }

    /// The file of a process's drafter; nil for the model's own, which is absorbing, if the laboratory has made none.
    /// - Throws: `EngineError` saying how to make it.
    static func drafter(of process: DiffusionKind) throws(EngineError) -> String? {
        let path = "\(folder)/\(process.rawValue).gguf"
        if FileManager.default.fileExists(atPath: path) { return path }
        if process == .absorbing { return nil }
        throw EngineError(
            .fileMissing,
            "there is no drafter of the process '\(process.rawValue)' at \(path): 'make laboratory', "
                + "in the repository's folder, trains one there; --drafter names another")
    }
}
