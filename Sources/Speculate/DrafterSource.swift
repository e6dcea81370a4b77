import Foundation

/// Where drafts come from.
public enum DrafterSource: Equatable, Sendable, CustomStringConvertible {
    /// The drafter's file that lies beside the verifier's: the same name up to its first dot, and `.drafter.gguf`.
    /// Where there is none, what followed the same words earlier in the text.
    case automatic
    /// No drafts: plain decoding.
    case none
    /// What followed the same words earlier in the text.
    case promptLookup
    /// A block diffusion drafter, a GGUF file made for the verifier.
    case diffusion(path: String)

    public var description: String {
        switch self {
        case .automatic: "automatic"
        case .none: "none"
        case .promptLookup: "lookup"
        case .diffusion(let path): "'\(path)'"
        }
    }

    /// What `.automatic` means for a verifier.
    public func resolved(for verifier: String) -> DrafterSource {
        guard self == .automatic else { return self }
        let url = URL(fileURLWithPath: verifier)
        let stem = url.lastPathComponent.prefix { $0 != "." }
        let path = url.deletingLastPathComponent().appendingPathComponent("\(stem).drafter.gguf").path
        return FileManager.default.fileExists(atPath: path) ? .diffusion(path: path) : .promptLookup
    }
}
