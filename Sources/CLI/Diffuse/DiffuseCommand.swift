import ArgumentParser
import Dispatch
import Foundation
import Speculate
import SpeculateShared

extension DiffusionKind: ExpressibleByArgument {}
extension RevealSchedule: ExpressibleByArgument {}
extension DiffusionSampler: ExpressibleByArgument {}

struct DiffuseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diffuse", abstract: "Write by diffusion alone, block after block, and watch it.",
        discussion: """
            The drafter writes; the model reads each finished block and corrects nothing. It is far smaller than the \
            model, and its text is to be watched rather than believed. In a terminal, guesses become brighter as they \
            become surer.
            """)

    @OptionGroup var input: PromptArgument

    @Flag(name: [.short, .long], help: "Answer the prompt as a user's turn, in the model's chat format.")
    var instruct = false

    @Option(
        help: ArgumentHelp(
            "The diffusion process: \(Laboratory.names).",
            discussion: """
                Without --drafter, the drafter that 'make laboratory' trained for it, \(Laboratory.folder)/NAME.gguf. \
                Default: the drafter's own.
                """, valueName: "name"))
    var process: DiffusionKind?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Passes over each block; in an --order no more than it has tokens, since each reveals one at least.",
            valueName: "n"))
    var steps = 8

    @Option(
        help: """
            Which tokens of the absorbing process are revealed first: left (to right), confidence or random. Default: \
            confidence.
            """)
    var order: RevealOrder?

    @Option(
        help: """
            How many it reveals after each pass: linear, as many each time, or cosine, few at first. Default: linear.
            """)
    var schedule: RevealSchedule?

    @Flag(help: "Mask its tokens again that others turn out surer than (Mask-Predict).")
    var remask = false

    @Option(
        help: """
            The step between two passes: ancestral, the process's own; euler for score-absorbing and score-uniform; \
            ddim or clamped for gaussian. Default: by --order for absorbing, ddim for gaussian at temperature 0, \
            otherwise ancestral.
            """)
    var sampler: DiffusionSampler?

    @Option(
        name: [.customShort("n"), .long], parsing: .unconditional,
        help: ArgumentHelp("Maximum tokens of the text.", valueName: "n"))
    var maxTokens = 128

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            0 takes the likeliest tokens, 1 draws from the drafter's distributions. Default: 0 for absorbing by \
            --order, otherwise 0.8.
            """, valueName: "x"))
    var temperature: Float?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The same seed gives the same text. Default: a new one each time.", valueName: "n"),
        transform: Seed.parse)
    var seed: UInt64?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Milliseconds that a pass is shown in a terminal.", valueName: "ms"))
    var pause = 60

    @Flag(name: [.short, .long], help: "No statistics.")
    var quiet = false

    @Option(
        help: ArgumentHelp("A block diffusion drafter's GGUF file. Default: as in 'complete'.", valueName: "file"),
        completion: .file(extensions: ["gguf"]))
    var drafter: String?

    @OptionGroup(title: "Model") var model: ModelOptions

    func validate() throws {
        if !(0...60_000).contains(pause) { throw ValidationError("--pause is \(pause), expected 0 to 60000") }
    }

    func run() async throws {
        try await reportingErrors {
            let seed = seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
            let bytes = try input.bytes()
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw ValidationError("the prompt must be UTF-8, and standard input is not")
            }
            let request = DiffusionRequest(
                instruct ? .chat([ChatMessage(role: .user, content: text)]) : .text(text), maximumTokens: maxTokens,
                steps: steps, order: order, reveals: schedule, masksAgain: remask, sampler: sampler,
                temperature: temperature, seed: seed)
            if let problem = request.problem(for: process) { throw EngineError(.invalidRequest, problem) }
            let interrupts = Interrupts.shared
            let file = try drafter ?? process.flatMap { try Laboratory.drafter(of: $0) }
            let engine = try await model.load(try SpeculationFlags.parse(file.map { ["--drafter", $0] } ?? []))
            try check(engine, file)
            let result = try await write(request, engine, interrupts)
            if Terminal.outputIsTerminal, !result.text.hasSuffix("\n") { Terminal.print("") }
            if !quiet { report(result, engine, seed: seed) }
            if interrupts.wasInterrupted { throw ExitCode(130) }
        }
    }

    /// - Throws: `EngineError` where the drafter is not what was asked for.
    private func check(_ engine: Engine, _ file: String?) throws(EngineError) {
        guard let found = engine.diffusionKind else {
            let missing =
                file.map { "--drafter is \($0), expected a block diffusion drafter's file" }
                ?? "there is no block diffusion drafter for this model to write with: name its file with --drafter"
            throw EngineError(.invalidRequest, missing)
        }
        guard let process, process != found else { return }
        throw EngineError(
            .invalidRequest,
            "the process of \(file ?? "the model's drafter") is '\(found.rawValue)', "
                + "expected '\(process.rawValue)', which --process names")
    }

    private func write(
        _ request: DiffusionRequest, _ engine: Engine, _ interrupts: Interrupts
    ) async throws -> DiffusionResult {
        let (steps, continuation) = AsyncStream<DiffusionStep>.makeStream()
        let view = Terminal.outputIsTerminal ? DiffusionView(columns: Terminal.size.columns) : nil
        // A text is not written faster than it is shown.
        let room = DispatchSemaphore(value: 1)
        let work = Task {
            defer { continuation.finish() }
            return try await engine.diffuse(request) { step in
                if view != nil { room.wait() }
                continuation.yield(step)
            }
        }
        let nap = Locked<Task<Void, Never>?>(nil)
        interrupts.onInterrupt {
            work.cancel()
            nap.withLock { $0?.cancel() }
        }
        var isUnfinished = false
        for await step in steps {
            guard let view else {
                if let text = step.text { Terminal.print(text, terminator: "") }
                continue
            }
            Terminal.print(view.show(step), terminator: "")
            isUnfinished = step.text == nil
            let shown = Task<Void, Never> { [pause] in try? await Task.sleep(for: .milliseconds(pause)) }
            nap.withLock { $0 = shown }
            if interrupts.wasInterrupted { shown.cancel() }
            await shown.value
            room.signal()
        }
        if isUnfinished { Terminal.print(DiffusionView.erasing, terminator: "") }
        return try await work.value
    }

    private func report(_ result: DiffusionResult, _ engine: Engine, seed: UInt64) {
        if !Terminal.outputIsTerminal, Terminal.logFollowsOutput { Terminal.log("") }
        let rate = Double(result.tokens.count) / max(result.duration / .seconds(1), 1e-9)
        let kind = engine.diffusionKind ?? .absorbing
        let ending = result.finishReason.name.replacing("_", with: " ")
        func counted(_ count: Int, _ one: String, _ many: String) -> String { "\(count) \(count == 1 ? one : many)" }
        let tokens = counted(result.tokens.count, "token", "tokens")
        let blocks = counted(result.blocks, "block", "blocks")
        let counts = "\(tokens), \(blocks), \(counted(result.passes, "pass", "passes"))"
        Terminal.log(
            "diffusion    \(kind.rawValue), \(counts), \(String(format: "%.1f", rate)) tokens/s, ended by \(ending)")
        Terminal.log("seed         \(seed), temperature \(temperature ?? kind.temperature(by: sampler))")
    }
}
