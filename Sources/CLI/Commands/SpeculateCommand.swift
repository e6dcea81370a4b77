import ArgumentParser
import Speculate
import Foundation

@main
struct SpeculateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "speculate",
        abstract: "Completes text with a small language model, several tokens per pass, exactly as one at a time.",
        usage: """
            speculate [<options>] "<prompt>"
            speculate <subcommand> [<options>]
            """,
        discussion: """
            Without a subcommand the prompt is completed:
              speculate "The capital of France is" -n 40
              speculate --instruct "Why is the sky blue?"
              speculate "Once upon a time" --json
            'speculate help complete' lists the options of that.

            Text goes to standard output, everything else to standard error.
            Exit status: 0 done, 1 failed, 64 wrong usage, 65 bad checkpoint, 66 missing file, 75 no memory,
            130 interrupted.
            """,
        version: Engine.version,
        subcommands: [
            CompleteCommand.self, ChatCommand.self, DemoCommand.self, BatchCommand.self, BenchCommand.self,
            DraftCommand.self, DiffuseCommand.self, InspectCommand.self, ServeCommand.self, PullCommand.self,
            ModelsCommand.self, ImportCommand.self, MemorizeCommand.self, AdaptCommand.self,
        ],
        defaultSubcommand: CompleteCommand.self)

    static func main() async {
        if let question = Misspelling.question(Array(CommandLine.arguments.dropFirst())) {
            Terminal.log("speculate: \(question)")
            Foundation.exit(64)
        }
        await main(NegativeNumbers.attached(Array(CommandLine.arguments.dropFirst())))
    }
}
