import ArgumentParser
import Foundation
import Speculate

struct ChatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat", abstract: "Talk with the model, one line a turn.",
        discussion:
            "/reset begins anew, /exit or end of input leaves. Ctrl-C ends an answer, and at the prompt the chat.")

    @Option(help: ArgumentHelp("The system turn.", valueName: "text"))
    var system: String?

    @Flag(help: "Show accepted draft tokens in green.")
    var color = false

    @Flag(name: [.short, .long], help: "No statistics.")
    var quiet = false

    @OptionGroup var model: ModelOptions
    @OptionGroup var sampling: SamplingFlags

    func run() async throws {
        try await reportingErrors {
            let interrupts = Interrupts()
            let engine = try await model.load()
            let opening = [ChatMessage].opening(system: system)
            var messages = opening
            while let line = nextLine() {
                switch line {
                case "": continue
                case "/exit": return
                case "/reset": messages = opening
                default:
                    messages.append(ChatMessage(role: "user", content: line))
                    let answer = try await answer(messages, engine, interrupts)
                    messages.append(ChatMessage(role: "assistant", content: answer))
                }
            }
        }
    }

    private func nextLine() -> String? {
        if Terminal.inputIsTerminal { Terminal.log("> ", terminator: "") }
        return readLine()
    }

    private func answer(_ messages: [ChatMessage], _ engine: Engine, _ interrupts: Interrupts) async throws -> String {
        let seed = sampling.chooseSeed()
        let stream = try await engine.stream(sampling.request(.chat(messages), seed: seed))
        interrupts.onInterrupt { stream.stop() }
        defer { interrupts.onInterrupt(nil) }
        let result = try await Terminal.show(stream, coloured: color)
        Terminal.print("")
        if !quiet { Terminal.log(Report.text(result, seed: sampling.isGreedy ? nil : seed)) }
        return result.text
    }
}
