import Foundation
import SpeculateDrafter
import SpeculateShared

/// What an engine can draft with. `Speculation` says how much of it a request uses.
public enum DrafterSource: Equatable, Sendable, CustomStringConvertible {
    /// The drafter's file that lies beside the verifier's: the same name, or that without the quantization, or up to its
    /// first dot, and `.drafter.gguf`. Where there is none, `lookup`.
    case automatic
    /// No drafts: plain decoding.
    case none
    /// Prompt lookup: what followed the same words earlier in the text.
    case lookup
    /// A drafter's GGUF file, made for the verifier: one that denoises blocks (DFlash, DSpark) or an EAGLE-3 one. And what
    /// followed the same words earlier.
    case file(path: String)
    /// A drafter written elsewhere; and what followed the same words earlier.
    case custom(CustomDrafter)

    var custom: CustomDrafter? {
        if case .custom(let custom) = self { custom } else { nil }
    }

    /// Whether this, once resolved, can draft what is asked for.
    /// - Parameter kind: what its file holds, if it is one.
    /// - Throws: `EngineError` when it is of another kind.
    func drafts(
        _ speculation: Speculation, _ rule: AcceptanceRule, kind: DrafterKind?
    ) throws(EngineError) -> Bool {
        func expect(_ isThere: Bool, _ kind: String) throws(EngineError) -> Bool {
            guard isThere else {
                throw EngineError(
                    .invalidRequest, "speculation is \(speculation), expected an engine with \(kind) drafter")
            }
            return true
        }
        switch speculation {
        case .none: return false
        case .adaptive: return self != .none
        case .lookup: return true
        case .tree where !rule.takesTrees:
            throw EngineError(
                .invalidRequest, "acceptance is \(rule.rawValue), expected match or coupled for trees")
        case .diffusion, .tree: return try expect(kind == .diffusion, "a diffusion")
        case .eagle: return try expect(kind == .eagle, "an EAGLE")
        case .custom: return try expect(custom != nil, "a custom")
        }
    }

    public var description: String {
        switch self {
        case .automatic: "automatic"
        case .none: "none"
        case .lookup: "lookup"
        case .file(let path): "'\(path)'"
        case .custom(let drafter): "'\(drafter.name)'"
        }
    }

    /// What `.automatic` resolves to for a verifier.
    public func resolved(for verifier: String) -> DrafterSource {
        guard self == .automatic else { return self }
        let url = URL(fileURLWithPath: verifier)
        let folder = url.deletingLastPathComponent()
        let paths = ModelFileName.drafterNames(beside: url.lastPathComponent).map {
            folder.appendingPathComponent($0).path
        }
        return paths.first { FileManager.default.fileExists(atPath: $0) }.map { .file(path: $0) } ?? .lookup
    }
}
