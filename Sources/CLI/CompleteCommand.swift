import ArgumentParser
import Foundation
import Speculate

struct CompleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "complete", abstract: "Continue or answer a prompt (the default subcommand).")

    @Argument(help: "The prompt. Default: standard input, less one newline at its end.")
    var prompt: String?

    @Flag(name: [.short, .long], help: "Answer the prompt as a user's turn, in the model's chat format.")
    var instruct = false

    @Option(help: ArgumentHelp("The system turn, with --instruct.", valueName: "text"))
    var system: String?

    @Flag(help: "Read control tokens such as <|im_start|> in the prompt as such.")
    var special = false

    @Flag(help: "Show accepted draft tokens in green.")
    var color = false

    @Flag(help: "Print one JSON object with text and statistics in place of streaming.")
    var json = false

    @Flag(help: "With --json: the answer's token ids too.")
    var tokenIds = false

    @Flag(name: [.short, .long], help: "No statistics.")
    var quiet = false

    @OptionGroup var answer: RequestFlags
    @OptionGroup(title: "Speculation") var speculation: SpeculationFlags
    @OptionGroup(title: "Model") var model: ModelOptions

    func validate() throws {
        if tokenIds && !json { throw ValidationError("--token-ids needs --json") }
        if system != nil && !instruct { throw ValidationError("--system needs --instruct") }
        if special && instruct { throw ValidationError("--special reads a raw prompt; it does not go with --instruct") }
    }

    func run() async throws {
        try await reportingErrors {
            let bytes = try PromptInput.bytes(prompt)
            let interrupts = Interrupts()
            let engine = try await model.load(speculation)
            let seed = answer.chooseSeed()
            var request = answer.request(try requestPrompt(bytes), seed: seed)
            request.parsesControlTokens = special
            let result =
                try await json ? whole(request, engine, interrupts) : streamed(request, engine, interrupts)
            if json {
                Terminal.print(try Report.json(result, engine.model, seed: seed, withTokens: tokenIds))
            } else if Terminal.outputIsTerminal {
                Terminal.print("")
            }
            if !quiet && !json { Terminal.log(Report.text(result, seed: answer.sampling.isGreedy ? nil : seed)) }
            if interrupts.wasInterrupted { throw ExitCode(130) }
        }
    }

    private func whole(
        _ request: CompletionRequest, _ engine: Engine, _ interrupts: Interrupts
    ) async throws -> CompletionResult {
        let work = Task { try await engine.complete(request) }
        interrupts.onInterrupt { work.cancel() }
        return try await work.value
    }

    private func streamed(
        _ request: CompletionRequest, _ engine: Engine, _ interrupts: Interrupts
    ) async throws -> CompletionResult {
        let stream = try await engine.stream(request)
        interrupts.onInterrupt { stream.stop() }
        return try await Terminal.show(stream, coloured: color)
    }

    private func requestPrompt(_ bytes: [UInt8]) throws -> CompletionRequest.Prompt {
        guard instruct else { return .bytes(bytes) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ValidationError("a chat prompt must be UTF-8, and standard input is not")
        }
        return .chat(.opening(system: system) + [ChatMessage(role: "user", content: text)])
    }
}
