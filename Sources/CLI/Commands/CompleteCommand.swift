import ArgumentParser
import Foundation
import Speculate

struct CompleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "complete", abstract: "Continue or answer a prompt (the default subcommand).")

    @OptionGroup var input: PromptArgument

    @OptionGroup(title: "Answer") var form: AnswerForm
    @OptionGroup var answer: RequestFlags

    @Option(parsing: .unconditional, help: ArgumentHelp("The system message, with --instruct.", valueName: "text"))
    var system: String?

    @Flag(help: "Read control tokens such as <|im_start|> in the prompt as such.")
    var special = false

    @Flag(help: "Show accepted draft tokens in green.")
    var color = false

    @Flag(help: "With --json: the answer's token ids too.")
    var tokenIds = false

    @Flag(name: [.short, .long], help: "No statistics.")
    var quiet = false

    @OptionGroup(title: "Speculation") var speculation: SpeculationFlags
    @OptionGroup var texts: MemoryOption
    @OptionGroup(title: "Model") var model: ModelOptions

    func validate() throws {
        if tokenIds && !form.json { throw ValidationError("--token-ids needs --json") }
        if system != nil && !form.instruct { throw ValidationError("--system needs --instruct") }
        if special && form.instruct {
            throw ValidationError("--special reads a raw prompt; it does not go with --instruct")
        }
    }

    func run() async throws {
        try await reportingErrors {
            try answer.check()
            let bytes = try input.bytes()
            let interrupts = Interrupts.shared
            let engine = try await model.load(speculation, adjusting: texts.adjust)
            let seed = answer.chooseSeed()
            var request = answer.request(try requestPrompt(bytes), seed: seed)
            request.parsesControlTokens = special
            let result =
                try await form.json ? whole(request, engine, interrupts) : streamed(request, engine, interrupts)
            if form.json {
                Terminal.print(try Report.json(result, engine.model, seed: seed, withTokens: tokenIds))
            } else {
                endLine(after: result.text)
                if !quiet { report(result, seed: seed) }
            }
            try await engine.saveTexts()
            if interrupts.wasInterrupted { throw ExitCode(130) }
        }
    }

    /// Starts a new line for what follows the text, without changing the text in a file or a pipe.
    private func endLine(after text: String) {
        guard !text.hasSuffix("\n") else { return }
        if Terminal.outputIsTerminal {
            Terminal.print("")
        } else if !quiet, Terminal.logFollowsOutput {
            Terminal.log("")
        }
    }

    private func report(_ result: CompletionResult, seed: UInt64) {
        Terminal.log(
            Report.text(result, seed: answer.sampling.isGreedy ? nil : seed, columns: Terminal.logColumns))
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
        guard form.instruct else { return .bytes(bytes) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ValidationError("a chat prompt must be UTF-8, and standard input is not")
        }
        return .chat(.opening(system: system) + [ChatMessage(role: .user, content: text)])
    }
}
