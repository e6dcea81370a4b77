import ArgumentParser
import Foundation
import Speculate

struct ChatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat", abstract: "Talk with the model.",
        discussion: """
            At a terminal: arrows move and recall, Alt-Enter or a backslash at the end begins another line, what is pasted \
            may have several. Lines typed during an answer are sent after it. Ctrl-C ends an answer; /help lists the commands.
            """)

    @Option(parsing: .unconditional, help: ArgumentHelp("The system message.", valueName: "text"))
    var system: String?

    @Flag(help: "Show accepted draft tokens in green.")
    var color = false

    @Flag(name: [.short, .long], help: "No banner, no statistics.")
    var quiet = false

    @OptionGroup var answer: RequestFlags
    @OptionGroup(title: "Speculation") var speculation: SpeculationFlags
    @OptionGroup var texts: MemoryOption
    @OptionGroup var learning: LearnOptions
    @OptionGroup(title: "Model") var model: ModelOptions

    func run() async throws {
        try await reportingErrors {
            // Reject invalid settings at once rather than at the first answer.
            try answer.check()
            let interrupts = Interrupts.shared
            // Before Ctrl-C is a key.
            _ = try await model.location()
            let editor = LineEditor(prompt: "> ")
            editor.begin()
            let engine = try await model.load(speculation, adjusting: adjust)
            var chat = Chat(
                engine: engine, interrupts: interrupts, flags: answer, conversation: Conversation(system: system),
                isColoured: color, isQuiet: quiet)
            if !quiet, Terminal.inputIsTerminal {
                Terminal.log(banner(engine).wrapped(to: Terminal.logColumns, atCommas: true))
            }
            while case .line(let line) = editor.read() {
                guard try await chat.take(line) else { return try await end(engine) }
                if interrupts.wasTerminated { break }
            }
            try await end(engine)
            if interrupts.wasTerminated { throw ExitCode(130) }
        }
    }

    private func adjust(_ configuration: inout EngineConfiguration) {
        texts.adjust(&configuration)
        learning.adjust(&configuration)
    }

    private func end(_ engine: Engine) async throws {
        try await engine.saveTexts()
        if let done = try await engine.finishLearning(), !quiet { Terminal.log(done) }
    }

    private func banner(_ engine: Engine) -> String {
        let name = URL(fileURLWithPath: engine.model.path).deletingPathExtension().lastPathComponent
        let source = speculation.source(for: engine.model.path)
        let drafts: String
        switch source {
        case .file(let path): drafts = "drafts from \(URL(fileURLWithPath: path).lastPathComponent)"
        case .lookup, .automatic: drafts = "drafts from earlier text"
        case .custom(let drafter): drafts = "drafts from \(drafter.name)"
        case .none: drafts = "no drafts"
        }
        return """
            \(name), \(engine.model.contextLength) tokens of context, \(drafts)
            /help lists the commands, Ctrl-C ends an answer, /exit leaves

            """
    }
}
