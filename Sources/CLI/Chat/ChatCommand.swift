import ArgumentParser
import Foundation
import Speculate

struct ChatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat", abstract: "Talk with the model.",
        discussion: """
            At a terminal: arrows move and recall, Alt-Enter or a backslash at the end begins another line, what is pasted \
            may have several. Ctrl-C ends an answer; /help lists the commands.
            """)

    @Option(help: ArgumentHelp("The system turn.", valueName: "text"))
    var system: String?

    @Flag(help: "Show accepted draft tokens in green.")
    var color = false

    @Flag(name: [.short, .long], help: "No banner, no statistics.")
    var quiet = false

    @OptionGroup var answer: RequestFlags
    @OptionGroup(title: "Speculation") var speculation: SpeculationFlags
    @OptionGroup(title: "Model") var model: ModelOptions

    func run() async throws {
        try await reportingErrors {
            let interrupts = Interrupts()
            let engine = try await model.load(speculation)
            var chat = Chat(
                engine: engine, interrupts: interrupts, flags: answer, conversation: Conversation(system: system),
                isColoured: color, isQuiet: quiet)
            // Settings that no answer can be made with are no matter of the conversation.
            if let problem = answer.request(.tokens([]), seed: 0).problem() {
                throw EngineError(.invalidRequest, problem)
            }
            if !quiet, Terminal.inputIsTerminal { Terminal.log(banner(engine)) }
            let editor = LineEditor(prompt: "> ")
            while case .line(let line) = editor.read() {
                guard try await chat.take(line) else { return }
            }
        }
    }

    private func banner(_ engine: Engine) -> String {
        let name = URL(fileURLWithPath: engine.model.path).deletingPathExtension().lastPathComponent
        let source = speculation.source(for: engine.model.path)
        let drafts: String
        switch source {
        case .diffusion(let path): drafts = "drafts from \(URL(fileURLWithPath: path).lastPathComponent)"
        case .promptLookup, .automatic: drafts = "drafts from earlier text"
        case .none: drafts = "no drafts"
        }
        return """
            \(name), \(engine.model.contextLength) tokens of context, \(drafts)
            /help lists the commands, Ctrl-C ends an answer, /exit leaves

            """
    }
}
