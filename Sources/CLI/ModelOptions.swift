import ArgumentParser
import Foundation
import Speculate

/// Which model, and how it runs.
struct ModelOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The verifier, a GGUF file.",
            discussion: "Default: $SPECULATE_MODEL, else what 'make model' fetched to the user's cache folder.",
            valueName: "file"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Where drafts come from: a drafter's GGUF file, lookup (earlier text) or none.",
            discussion: """
                Default: $SPECULATE_DRAFTER, else the file beside the model with the same name up to its first dot and \
                the ending '.drafter.gguf', else lookup.
                """, valueName: "file|lookup|none"))
    var drafter: String?

    @Option(
        help: ArgumentHelp(
            "Denoising passes of a drafter's block: more draft better and take longer.", valueName: "n"))
    var passes: Int?

    @Option(help: ArgumentHelp("Draft trees of this many tokens, from one pass.", valueName: "n"))
    var tree: Int?

    @Option(
        help: ArgumentHelp(
            "Always draft so many tokens a round, 0 to \(Engine.maximumDepth).",
            discussion: "Default: what promises the most tokens a second in each round.",
            valueName: "n"))
    var depth: Int?

    @Option(name: [.short, .long], help: ArgumentHelp("Threads. Default: one a physical core.", valueName: "n"))
    var threads: Int?

    @Option(help: ArgumentHelp("Tokens of prompt and answer together. Default: the model's limit.", valueName: "n"))
    var context: Int?

    @Option(help: "The chat format, where the file's own is not known: chatml or llama-3.")
    var chatFormat: ChatFormatChoice?

    enum ChatFormatChoice: String, ExpressibleByArgument, CaseIterable {
        case chatml
        case llama3 = "llama-3"
    }

    func validate() throws {
        if tree != nil, depth != nil || passes != nil {
            throw ValidationError("--tree says how much is drafted; it does not go with --depth or --passes")
        }
    }

    /// Whether a flag says how to draft, and not that nothing is to be drafted.
    var asksForDrafts: Bool {
        if let drafter { return drafter != "none" }
        return tree != nil || passes != nil || depth.map { $0 > 0 } ?? false
    }

    /// - Parameter drafts: whether a drafter is of use.
    func load(
        drafts: Bool = true, adjusting adjust: (inout EngineConfiguration) -> Void = { _ in }
    ) async throws -> Engine {
        let path = path
        let found = drafts ? source(for: path) : .none
        let speculation = speculation(found) ?? .adaptive
        let source = speculation == .none ? .none : found
        var configuration = EngineConfiguration(
            threads: threads, contextLength: context, speculation: speculation)
        configuration.chatFormat = chatFormat.flatMap { .init(rawValue: $0.rawValue) }
        adjust(&configuration)
        do {
            return try await Engine.load(
                verifier: path, drafter: source, configuration: configuration)
        } catch let error as EngineError where error.code == .fileMissing && model == nil {
            throw EngineError(error.code, "\(error.message); 'make model' fetches it, --model names another")
        }
    }

    /// What the flags say of how much is drafted.
    private func speculation(_ source: DrafterSource) -> Speculation? {
        if let tree { return .tree(tokens: tree) }
        guard depth != nil || passes != nil else { return nil }
        switch source {
        case _ where depth == 0: return Speculation.none
        case .none: return Speculation.none
        case .promptLookup: return .lookup(depth: depth ?? 8)
        case .diffusion: return .diffusion(depth: depth ?? 4, passes: passes ?? 1)
        }
    }

    /// Where drafts for a model come from.
    func source(for model: String) -> DrafterSource {
        switch drafter {
        case "lookup": return .promptLookup
        case "none": return .none
        case .some(let path): return .diffusion(path: path)
        case nil:
            let path = Self.drafterPath(for: model)
            return path.map { .diffusion(path: $0) } ?? .promptLookup
        }
    }

    /// The drafter that a model has without one being named.
    static func drafterPath(for model: String) -> String? {
        if let path = ProcessInfo.processInfo.environment["SPECULATE_DRAFTER"], !path.isEmpty { return path }
        let url = URL(fileURLWithPath: model)
        let stem = url.lastPathComponent.prefix { $0 != "." }
        let path = url.deletingLastPathComponent().appendingPathComponent("\(stem).drafter.gguf").path
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    /// The verifier's file.
    var path: String { model ?? Self.defaultPath }

    static var defaultPath: String {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment["SPECULATE_MODEL"], !path.isEmpty { return path }
        let cache =
            environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
            ?? FileManager.default.homeDirectoryForCurrentUser.path + "/.cache"
        return cache + "/speculate/SmolLM2-135M-Instruct.Q4_1.gguf"
    }
}
