import Foundation
import Logging
import ServiceLifecycle
import Speculate

/// Answers every line of standard input, up to eight at once: `swift run AnswerLines VERIFIER.gguf < questions.txt`
///
/// Shows what a service does with an engine: it stands before its users in a `ServiceGroup`, so that after SIGTERM they
/// end what they have begun while the engine still runs; each request has a time limit; an error ends one request alone.
@main
struct AnswerLines {
    static func main() async throws {
        guard CommandLine.arguments.count == 2 else {
            print("usage: AnswerLines VERIFIER.gguf < questions.txt")
            return
        }
        let logger = Logger(label: "answers")
        var configuration = EngineConfiguration(parallel: 8, logger: logger)
        configuration.prefixMemory = 256 << 20
        let engine = try await Engine.load(verifier: CommandLine.arguments[1], configuration: configuration)
        var services = ServiceGroupConfiguration(
            services: [
                .init(service: engine),
                .init(service: Answering(engine: engine), successTerminationBehavior: .gracefullyShutdownGroup),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        services.maximumGracefulShutdownDuration = .seconds(30)
        try await ServiceGroup(configuration: services).run()
    }
}

private struct Answering: Service {
    static let parallel = 8

    let engine: Engine

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var count = 0
            for await line in standardInput.cancelOnGracefulShutdown() where !line.isEmpty {
                if count >= Self.parallel { try await group.next() }
                count += 1
                group.addTask { await answer(line) }
            }
            try await group.waitForAll()
        }
    }

    /// Read on a thread of its own, since reading blocks.
    private var standardInput: AsyncStream<String> {
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        Thread.detachNewThread {
            while let line = readLine() { continuation.yield(line) }
            continuation.finish()
        }
        return lines
    }

    private func answer(_ question: String) async {
        var request = CompletionRequest(
            .chat([
                ChatMessage(role: .system, content: "You answer in one sentence."),
                ChatMessage(role: .user, content: question),
            ]), maximumTokens: 80, sampling: SamplingOptions(temperature: 0.7, seed: 1))
        request.timeout = .seconds(20)
        do {
            let result = try await engine.complete(request)
            let end = result.finishReason == .deadline ? " (out of time)" : ""
            print("\(question)\n    \(result.text)\(end)")
        } catch {
            print("\(question)\n    failed: \(error)")
        }
    }
}
