import ArgumentParser
import Foundation
import Speculate
import SpeculateShared

struct MemorizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memorize", abstract: "Let a model answer prompts, and keep the answers to draft from.",
        discussion: """
            For a model without a trained drafter: what it answered once says what it is likely to say again. Other commands \
            draft from the file that they are given with --memory, and the service does so for all its clients, so let it \
            answer nothing that is secret. Without --prompts the model makes up its own. A file that is there already gets \
            more. Ctrl-C keeps what has been answered.
            """)

    @Option(help: ArgumentHelp("The file to make or to add to.", valueName: "file"), completion: .file())
    var memory: String

    @Option(
        help: ArgumentHelp(
            "JSON lines with \"prompt\", and \"raw\" and \"system\" as in a batch.", valueName: "file"),
        completion: .file(extensions: ["jsonl"]))
    var prompts: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Answers to keep; with --prompts the first so many. Default: all, or 500.", valueName: "n"))
    var count: Int?

    @Option(
        name: [.customShort("n"), .long], parsing: .unconditional,
        help: ArgumentHelp("Maximum tokens of an answer.", valueName: "n"))
    var maxTokens = 256

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "For the prompts that the model makes up. Default: a new one each time.", valueName: "n"),
        transform: Seed.parse)
    var seed: UInt64?

    @Flag(name: [.short, .long], help: "No progress and no summary.")
    var quiet = false

    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Speculation") var speculation: SpeculationFlags

    func validate() throws {
        if memory == "" { throw ValidationError("--memory is empty, expected a file") }
        if maxTokens < 2 { throw ValidationError("--max-tokens is \(maxTokens), expected 2 or more") }
        if let count, count < 1 { throw ValidationError("--count is \(count), expected 1 or more") }
        if prompts != nil, seed != nil {
            throw ValidationError("--seed is for prompts that the model makes up; it does not go with --prompts")
        }
        if speculation.drafter == "none" || speculation.depth == 0 {
            throw ValidationError("without drafts nothing is remembered; expected another --drafter or --depth")
        }
    }

    func run() async throws {
        try await reportingErrors {
            let interrupts = Interrupts.shared
            var given = try prompts.map { try BatchPrompt.read($0) }
            if let count { given = given?.prefix(count).map { $0 } }
            if given?.isEmpty ?? false {
                throw EngineError(.invalidRequest, "\(prompts!): has no prompts, expected one or more")
            }
            let engine = try await model.load(speculation) {
                $0.textMemoryFile = memory
                $0.textMemoryUse = .share
            }
            var progress = BatchProgress(total: given?.count ?? count ?? 500, done: 0, isShown: !quiet)
            if let given {
                try await answer(given.map(\.conversation), engine, interrupts, &progress)
            } else {
                let seed = seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
                let (opening, all) = (try await opening(engine), count ?? 500)
                // A few at a time: what is interrupted keeps the answers to those before.
                for first in stride(from: 0, to: all, by: Self.group) where !interrupts.wasInterrupted {
                    let seeds = (first..<min(first + Self.group, all)).map { seed &+ UInt64($0) }
                    let prompts = try await makeUp(seeds, opening, engine, interrupts)
                    try await answer(prompts, engine, interrupts, &progress)
                }
            }
            progress.finish()
            if interrupts.wasInterrupted { throw ExitCode(130) }
        }
    }

    /// Prompts that are made up and answered before the next ones.
    private static let group = 64

    /// Prompts that the model writes where a user's would stand.
    private func makeUp(
        _ seeds: [UInt64], _ opening: (tokens: [Int32], isTurn: Bool), _ engine: Engine, _ interrupts: Interrupts
    ) async throws -> [CompletionRequest.Prompt] {
        var prompts: [CompletionRequest.Prompt] = []
        let requests = seeds.map { seed in
            CompletionRequest(
                .tokens(opening.tokens), maximumTokens: maxTokens,
                sampling: SamplingOptions(temperature: 1, seed: seed), endsLoops: true, speculation: Speculation.none)
        }
        try await complete(requests, engine, interrupts) { result in
            let text = result.text.trimmingCharacters(in: .whitespacesAndNewlines)
            guard !text.isEmpty, result.finishReason != .loop else { return }
            prompts.append(opening.isTurn ? .chat([ChatMessage(role: .user, content: text)]) : .text(text))
        }
        return prompts
    }

    private func answer(
        _ prompts: [CompletionRequest.Prompt], _ engine: Engine, _ interrupts: Interrupts,
        _ progress: inout BatchProgress
    ) async throws {
        let requests = prompts.map { CompletionRequest($0, maximumTokens: maxTokens, endsLoops: true) }
        try await complete(requests, engine, interrupts) { progress.advance(by: $0.tokens.count) }
        try await engine.saveTexts()
    }

    /// The tokens before a user's first words, or before any text where there are no turns.
    private func opening(_ engine: Engine) async throws -> (tokens: [Int32], isTurn: Bool) {
        func turn(_ text: String) async throws(EngineError) -> [Int32] {
            try await engine.tokenize(.chat([ChatMessage(role: .user, content: text)]))
        }
        if let one = try? await turn("0"), let other = try? await turn("?") {
            let common = zip(one, other).prefix { $0 == $1 }.map(\.0)
            if !common.isEmpty { return (common, true) }
        }
        if let begin = try? await engine.tokenize(.text("")), !begin.isEmpty { return (begin, false) }
        throw EngineError(
            .invalidRequest,
            "this model has neither a chat template nor a begin token to make up prompts from; name --prompts")
    }

    /// Completes what it can until it is interrupted, and keeps it now and then.
    private func complete(
        _ requests: [CompletionRequest], _ engine: Engine, _ interrupts: Interrupts,
        _ body: (CompletionResult) -> Void
    ) async throws {
        guard !interrupts.wasInterrupted else { return }
        let batch = engine.completeAll(requests)
        interrupts.onInterrupt { batch.stop() }
        var saved = ContinuousClock.now
        for await element in batch {
            body(try element.result.get())
            guard ContinuousClock.now - saved > .seconds(30) else { continue }
            saved = .now
            try await engine.saveTexts()
        }
    }
}
