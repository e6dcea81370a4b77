import ArgumentParser
import Foundation
import Speculate

struct DraftCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "draft", abstract: "Show a drafter denoise a block, pass by pass, beside what the verifier says.",
        discussion: """
            The prompt may end in a block with gaps: from its first [MASK] on, every [MASK] is one token to be filled in \
            and the text between them stays, for example 'The capital of[MASK] is Paris'.
            """)

    @OptionGroup var input: PromptArgument

    @Flag(name: [.short, .long], help: "Draft the answer to the prompt as a user's turn, in the model's chat format.")
    var instruct = false

    @Option(help: "Which tokens a masked drafter reveals first: left (to right), confidence or random.")
    var order: RevealOrder = .leftToRight

    @Option(
        parsing: .unconditional, help: ArgumentHelp("For a random order.", valueName: "n"), transform: Seed.parse)
    var seed: UInt64 = 0

    @OptionGroup(title: "Speculation") var speculation: SpeculationFlags
    @OptionGroup(title: "Model") var model: ModelOptions

    func validate() throws {
        if let depth = speculation.depth, depth < 1 {
            throw ValidationError("--depth is \(depth), expected 1 or more, so that there is a draft to show")
        }
        if speculation.tree != nil { throw ValidationError("draft shows a block in a row; it does not go with --tree") }
    }

    func run() async throws {
        try await reportingErrors {
            let text = try input.bytes()
            guard let text = String(validating: text, as: UTF8.self) else {
                throw ValidationError("the prompt must be UTF-8, and standard input is not")
            }
            let engine = try await model.load(speculation)
            guard case .file = speculation.source(for: engine.model.path) else {
                throw EngineError(
                    .invalidRequest, "there is no block diffusion drafter to show: name its file with --drafter")
            }
            let prompt: CompletionRequest.Prompt =
                instruct ? .chat([ChatMessage(role: .user, content: text)]) : .text(text)
            let trace = try await engine.draft(
                prompt, passes: speculation.passes ?? 1, order: order, seed: seed,
                maximumTokens: speculation.depth)
            Terminal.print(DraftPicture(trace, coloured: Terminal.outputIsTerminal).text)
        }
    }
}
