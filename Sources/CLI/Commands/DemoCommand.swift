import ArgumentParser
import Foundation
import Speculate

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Answer a prompt twice, one token per pass and with drafts, and compare.")

    @Argument(help: "The prompt, a user's turn.")
    var prompt = "Write a Python function that reverses a string, and explain it."

    /// Further words of an unquoted prompt.
    @Argument(help: .hidden)
    var rest: [String] = []

    @Option(
        name: [.customShort("n"), .long], parsing: .unconditional,
        help: ArgumentHelp("Maximum tokens of the answer.", valueName: "n"))
    var maxTokens = 200

    @OptionGroup(title: "Speculation") var speculation: SpeculationFlags
    @OptionGroup(title: "Model") var model: ModelOptions

    func validate() throws { try PromptArgument.checkQuotes(prompt, rest) }

    func run() async throws {
        try await reportingErrors {
            let interrupts = Interrupts.shared
            let engine = try await model.load(speculation)
            var request = CompletionRequest(
                .chat([ChatMessage(role: .user, content: prompt)]), maximumTokens: maxTokens, endsLoops: true)
            // Warm-up: a process's first passes are slower than all others.
            var short = request
            short.maximumTokens = min(8, maxTokens)
            _ = try await engine.complete(short)

            Terminal.print("Prompt: \(prompt)\n")
            Terminal.print(Self.heading("Plain decoding: one token per pass"))
            request.speculation = Speculation.none
            let plain = try await show(request, engine, interrupts)
            let colours = Terminal.outputIsTerminal ? "green tokens were drafted and accepted, " : ""
            Terminal.print(Self.heading("With drafts: \(colours)several tokens per pass"))
            request.speculation = nil
            let drafted = try await show(request, engine, interrupts)
            guard drafted.text == plain.text else {
                throw EngineError(.runtime, "the two texts differ, which must never be: please report it")
            }
            Terminal.print(summary(plain.statistics, drafted.statistics))
        }
    }

    private static func heading(_ text: String) -> String {
        Terminal.outputIsTerminal ? "\u{1b}[1m\(text)\u{1b}[0m" : "== \(text)"
    }

    private func show(
        _ request: CompletionRequest, _ engine: Engine, _ interrupts: Interrupts
    ) async throws -> CompletionResult {
        let stream = try await engine.stream(request)
        interrupts.onInterrupt { stream.stop() }
        defer { interrupts.onInterrupt(nil) }
        let result = try await Terminal.show(stream, coloured: Terminal.outputIsTerminal)
        let s = result.statistics
        Terminal.print(
            String(
                format: "\n\n%d tokens in %d passes, %.0f tokens/s\n", s.completionTokens, s.rounds, s.tokensPerSecond))
        if interrupts.wasInterrupted { throw ExitCode(130) }
        return result
    }

    private func summary(_ plain: CompletionStatistics, _ drafted: CompletionStatistics) -> String {
        let ratio = drafted.tokensPerSecond / max(plain.tokensPerSecond, .leastNormalMagnitude)
        let result = String(
            format: "The same text, byte for byte: %.1f times as fast, %.1f tokens per pass.", ratio,
            drafted.acceptanceLength)
        return "\(result)\n\nNext:\n\(Self.next(program: CommandLine.arguments[0]))"
    }

    /// Commands to try next, spelled with the program's name as it was called.
    static func next(program: String) -> String {
        let commands = [
            ("talk with the model", "chat"),
            ("continue a text", "\"Once upon a time\""),
            ("serve OpenAI's clients, and a page", "serve"),
            (
                "watch a block being drafted",
                "draft --instruct --passes 2 \"What is the most common gas in the air?\""
            ),
            ("see what else there is", "help"),
        ]
        let width = commands.map(\.0.count).max() ?? 0
        return commands.map { purpose, arguments in
            "  \(purpose.padding(toLength: width, withPad: " ", startingAt: 0))  \(program) \(arguments)"
        }.joined(separator: "\n")
    }
}
