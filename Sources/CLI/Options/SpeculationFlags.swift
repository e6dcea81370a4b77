import ArgumentParser
import Foundation
import Speculate

/// What to draft.
struct SpeculationFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where drafts come from: a drafter's GGUF file, lookup (earlier text) or none.",
            discussion: """
                Default: $SPECULATE_DRAFTER, else the file beside the model with the same name, with or without its \
                quantization, and the ending '.drafter.gguf', else lookup.
                """, valueName: "file|lookup|none"), completion: .file(extensions: ["gguf"]))
    var drafter: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Always draft this many tokens per round, 0 to \(Engine.maximumDepth).",
            discussion: "Default: what promises the most tokens per second in each round.", valueName: "n"))
    var depth: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Denoising passes of a drafter's block: more draft better and take longer.", valueName: "n"))
    var passes: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Draft trees of this many tokens, from one pass.", valueName: "n"))
    var tree: Int?

    func validate() throws {
        if drafter == "" { throw ValidationError("--drafter is empty, expected a file, lookup or none") }
        if tree != nil, depth != nil || passes != nil {
            throw ValidationError("--tree says how much is drafted; it does not go with --depth or --passes")
        }
    }

    /// Whether a flag says how to draft, rather than not to draft.
    var asksForDrafts: Bool {
        if let drafter { return drafter != "none" }
        return tree != nil || passes != nil || depth.map { $0 > 0 } ?? false
    }

    /// What the flag says, or else the environment; nil where neither does.
    var named: String? {
        let named = drafter ?? ProcessInfo.processInfo.environment["SPECULATE_DRAFTER"]
        return named == "" ? nil : named
    }

    /// Where drafts for a model come from.
    func source(for model: String) -> DrafterSource {
        switch named {
        case "lookup": .lookup
        case "none": .none
        case .some(let path): .file(path: path)
        case nil: DrafterSource.automatic.resolved(for: model)
        }
    }

    /// The speculation that the flags ask for; nil if they do not say.
    /// - Throws: `EngineError` naming the number that is out of range.
    func choice(_ source: DrafterSource) throws -> Speculation? {
        if let tree { return .tree(tokens: tree) }
        guard depth != nil || passes != nil else { return nil }
        if let depth, !(0...Engine.maximumDepth).contains(depth) {
            throw EngineError(.invalidRequest, "depth is \(depth), expected 0 to \(Engine.maximumDepth)")
        }
        if source == .lookup, let passes {
            throw EngineError(.invalidRequest, "passes is \(passes), but lookup drafts without any; leave --passes out")
        }
        switch source {
        case _ where depth == 0: return Speculation.none
        case .none: return Speculation.none
        case .lookup: return .lookup(depth: depth ?? 8)
        case .file(let path) where passes == nil && DrafterDescription.isEagle(path: path):
            return .eagle(depth: depth ?? 4)
        case .file, .automatic, .custom: return .diffusion(depth: depth ?? 4, passes: passes ?? 1)
        }
    }
}
