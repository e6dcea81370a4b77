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

    @Option(help: "Where drafts come from: lookup (earlier text) or none.")
    var drafter: DrafterChoice = .lookup

    @Option(
        help: ArgumentHelp(
            "The most tokens drafted a round, 0 to \(Engine.maximumDepth). Default: 8; for a batch 0.", valueName: "n"))
    var depth: Int?

    @Option(name: [.short, .long], help: ArgumentHelp("Threads. Default: one a physical core.", valueName: "n"))
    var threads: Int?

    @Option(help: ArgumentHelp("Tokens of prompt and answer together. Default: the model's limit.", valueName: "n"))
    var context: Int?

    @Option(help: "The chat format, where the file's own is not known: chatml or llama-3.")
    var chatFormat: ChatFormatChoice?

    enum DrafterChoice: String, ExpressibleByArgument, CaseIterable {
        case lookup, none
    }

    enum ChatFormatChoice: String, ExpressibleByArgument, CaseIterable {
        case chatml
        case llama3 = "llama-3"
    }

    func load(defaultDepth: Int = 8) async throws -> Engine {
        var configuration = EngineConfiguration(
            threads: threads, contextLength: context, depth: depth ?? defaultDepth)
        configuration.chatFormat = chatFormat.flatMap { .init(rawValue: $0.rawValue) }
        let path = model ?? Self.defaultPath
        do {
            return try await Engine.load(
                verifier: path, drafter: drafter == .lookup ? .promptLookup : .none, configuration: configuration)
        } catch let error as EngineError where error.code == .fileMissing && model == nil {
            throw EngineError(error.code, "\(error.message); 'make model' fetches it, --model names another")
        }
    }

    static var defaultPath: String {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment["SPECULATE_MODEL"], !path.isEmpty { return path }
        let cache =
            environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
            ?? FileManager.default.homeDirectoryForCurrentUser.path + "/.cache"
        return cache + "/speculate/SmolLM2-135M-Instruct.Q4_1.gguf"
    }
}
