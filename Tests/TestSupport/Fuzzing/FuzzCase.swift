import Foundation
import Speculate

/// One trial: loads a recipe's files and requests completions and a draft. Refusing them or failing with an
/// `EngineError` is correct; crashing, or whatever `Finding` describes, is not.
package enum FuzzCase {
    package enum Outcome: Equatable, Sendable {
        /// The engine refused the files.
        case refused(EngineError)
        /// The error of each completion and of the draft, nil if it succeeded.
        case ran([EngineError?])
    }

    /// An impossible answer.
    package struct Finding: Error, CustomStringConvertible {
        package let description: String
    }

    /// - Parameter folder: where to write the files; must not be shared while this runs.
    /// - Throws: `Finding`, and errors of writing the files.
    package static func run(_ recipe: [UInt8], folder: String) async throws -> Outcome {
        let mutator = CheckpointMutator(recipe)
        let settings = mutator.settings
        let files = try mutator.files()
        let path = folder + "/verifier.gguf"
        try Data(files.verifier).write(to: URL(filePath: path))
        var source = DrafterSource.lookup
        if let drafter = files.drafter {
            source = .file(path: folder + "/drafter.gguf")
            try Data(drafter).write(to: URL(filePath: folder + "/drafter.gguf"))
        }
        let cutter = cut(path, to: files.verifier.count / 2, after: settings.cut)
        var configuration = EngineConfiguration(threads: 1, chatFormat: .chatml)
        configuration.logger.logLevel = .critical
        let engine: Engine
        do throws(EngineError) {
            engine = try await Engine.load(verifier: path, drafter: source, configuration: configuration)
            await cutter?.value
        } catch {
            await cutter?.value
            return .refused(error)
        }
        return .ran(try await use(engine, settings))
    }

    private static func use(_ engine: Engine, _ settings: FuzzSettings) async throws -> [EngineError?] {
        // Filling a long context is slow, which is no finding.
        let maximumTokens = settings.maximumTokens ?? (engine.model.contextLength <= 64 ? nil : 24)
        var request = CompletionRequest(
            settings.prompt, maximumTokens: maximumTokens, speculation: Speculation.none,
            acceptance: settings.rule, logprobs: settings.logprobs)
        let plain = try await complete(engine, request)
        request.speculation = settings.speculation
        let drafted = try await complete(engine, request)
        if let plain = try? plain.get(), let drafted = try? drafted.get(), plain.tokens != drafted.tokens {
            throw Finding(description: "the answer is \(drafted.tokens) with drafts and \(plain.tokens) without")
        }
        request.sampling = SamplingOptions(temperature: 0.8, seed: settings.seed)
        request.maximumTokens = min(settings.maximumTokens ?? 8, 8)
        let sampled = try await complete(engine, request)
        var draft: EngineError?
        do {
            _ = try await engine.draft(
                settings.prompt, passes: settings.passes, order: settings.order, seed: settings.seed)
        } catch {
            draft = error
        }
        return [plain, drafted, sampled].map(\.failure) + [draft]
    }

    private static func complete(
        _ engine: Engine, _ request: CompletionRequest
    ) async throws -> Result<CompletionResult, EngineError> {
        let result: CompletionResult
        do throws(EngineError) {
            result = try await engine.complete(request)
        } catch {
            return .failure(error)
        }
        if let most = request.maximumTokens, result.tokens.count > most {
            throw Finding(description: "\(result.tokens.count) tokens, expected at most \(most)")
        }
        return .success(result)
    }

    /// Truncates a file while it is being read.
    private static func cut(_ path: String, to count: Int, after wait: Int) -> Task<Void, Never>? {
        guard wait > 0 else { return nil }
        return Task.detached {
            usleep(UInt32(wait * 20))
            truncate(path, count)
        }
    }
}

extension Result {
    fileprivate var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
