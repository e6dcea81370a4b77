import ArgumentParser
import Foundation
import Speculate
import SpeculateHub
import SpeculateShared

/// The model and how to run it.
struct ModelOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The verifier: a GGUF file, or OWNER/NAME[:QUANT] on the hub, fetched if it is not here.",
            discussion: """
                'speculate help pull' says which file is taken. Default: $SPECULATE_MODEL, else what 'make model' fetched \
                to the user's cache folder.
                """,
            valueName: "file|repository"), completion: .file(extensions: ["gguf"]))
    var model: String?

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp("Threads. Default: one per physical core.", valueName: "n"))
    var threads: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Tokens of prompt and answer together. Default: the model's limit; what 'inspect' says, with LongRoPE.",
            valueName: "n"))
    var context: Int?

    @Option(
        help: ArgumentHelp(
            "How the KV cache holds its numbers: f16, or q8 for half the memory; answers may then differ.",
            valueName: "format"))
    var kv = KVCacheFormat.f16

    @Option(help: "The chat format in place of the file's own chat template: chatml or llama-3.")
    var chatFormat: ChatFormat?

    @Option(
        help: ArgumentHelp(
            "Variables for the file's own chat template, as in '{\"enable_thinking\": false}'.", valueName: "json"),
        transform: { text in
            do {
                return try JSONDecoder().decode(Dictionary<String, ChatValue>.self, from: Data(text.utf8))
            } catch {
                throw ValidationError("\(excerpt(text)) is not a JSON object whose values are \(ChatValue.decodable)")
            }
        })
    var chatTemplateKwargs: [String: ChatValue] = [:]

    func validate() throws {
        if model == "" { throw ValidationError("--model is empty, expected a file or a repository") }
    }

    /// - Parameters:
    ///   - flags: what to draft.
    ///   - drafts: whether a drafter is needed.
    func load(
        _ flags: SpeculationFlags, drafts: Bool = true, adjusting adjust: (inout EngineConfiguration) -> Void = { _ in }
    ) async throws -> Engine {
        if let kernels = try? Kernels(), kernels.isPortable {
            Terminal.log("speculate: portable code: many times slower than with AVX2, AVX-512 or arm64's dot products")
        }
        let path = try await location()
        let found = drafts ? flags.source(for: path) : .none
        let speculation = try flags.choice(found) ?? .adaptive
        let source = speculation == .none ? .none : found
        var configuration = configuration
        configuration.speculation = speculation
        let bar = LoadingBar()
        if Terminal.logIsTerminal { configuration.onLoading = { bar.show($0) } }
        defer { bar.clear() }
        adjust(&configuration)
        do throws(EngineError) {
            return try await Engine.load(verifier: path, drafter: source, configuration: configuration)
        } catch {
            throw hinted(error)
        }
    }

    /// What the flags say of the engine.
    var configuration: EngineConfiguration {
        var configuration = EngineConfiguration(threads: threads, contextLength: context)
        configuration.cacheFormat = kv
        configuration.chatFormat = chatFormat
        configuration.templateVariables = chatTemplateKwargs
        return configuration
    }

    /// The verifier's file, once it is here: a repository's model is fetched unless it is here already.
    /// - Throws: `EngineError` saying why it cannot be fetched.
    func location() async throws -> String { try await ModelFetch.location(of: path) }

    /// - Parameter path: what `location` returned.
    /// - Throws: `EngineError` if a file is missing or cannot be read. Call it before long work.
    func check(_ flags: SpeculationFlags, _ path: String) throws(EngineError) {
        do {
            _ = try ReadableFile(path: path)
            if case .file(let drafter) = flags.source(for: path) {
                do throws(FileError) {
                    _ = try ReadableFile(path: drafter)
                } catch {
                    throw EngineError(error.isMissing ? .fileMissing : .fileUnreadable, "the drafter \(error)")
                }
            }
        } catch {
            throw hinted(EngineError(error, path: path))
        }
    }

    /// Adds how to get the default model if that is what is missing.
    private func hinted(_ error: EngineError) -> EngineError {
        guard error.code == .fileMissing, model == nil, !FileManager.default.fileExists(atPath: path) else {
            return error
        }
        return EngineError(error.code, "\(error.message); 'make model' fetches it, --model names another")
    }

    /// The verifier, as it is named.
    private var path: String { model ?? Self.defaultPath }

    static var defaultPath: String {
        if let path = ProcessInfo.processInfo.environment["SPECULATE_MODEL"], !path.isEmpty { return path }
        return ModelStore().root + "/SmolLM2-135M-Instruct.Q4_1.gguf"
    }
}
