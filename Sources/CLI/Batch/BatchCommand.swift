import ArgumentParser
import Foundation
import Speculate
import SpeculateShared

struct BatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch", abstract: "Complete many prompts in one process, several in every pass.",
        discussion: """
            Each line of the prompts is a JSON object with "prompt", and optionally "id", "raw" (true: continue the text \
            as it stands, else it is a user's turn) and "system". Each line of the output has "index", "id", \
            "text", "completion_tokens" and "finish_reason", or "error". Lines appear as completions end; a run that was \
            interrupted resumes when it is started again with the same settings.
            """)

    @Option(help: ArgumentHelp("JSON lines to complete.", valueName: "file"), completion: .file())
    var prompts: String

    @Option(help: ArgumentHelp("Where results go.", valueName: "file"), completion: .file())
    var output: String

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Completions in progress at once, 1 to \(Engine.maximumParallel).", valueName: "n"))
    var parallel: Int = 16

    @Flag(help: "Continue every prompt as it stands.")
    var raw = false

    @Flag(help: "Read control tokens such as <|im_start|> in prompts that are continued as they stand.")
    var special = false

    @Flag(help: "Write each answer's token ids too, as \"tokens\".")
    var tokenIds = false

    @Flag(help: "Write each prompt's token ids too, as \"prompt_ids\".")
    var promptIds = false

    @Option(
        help: ArgumentHelp(
            "Where the verifier's hidden states of all tokens go, to train a drafter.",
            discussion: """
                bfloat16 rows [layers, hidden], one for each token of prompt and answer but the last. A line's "states" \
                is its first row, its "log_totals" the logarithms of the sums of exp(logit) behind the answer's tokens.
                """, valueName: "file"), completion: .file())
    var states: String?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Layers that those hidden states enter, from 1; one more than there are stands for the last one's output.",
            valueName: "layer"))
    var statesEntering: [Int] = []

    @Flag(name: [.short, .long], help: "No progress and no summary.")
    var quiet = false

    @OptionGroup var answer: RequestFlags
    @OptionGroup(title: "Speculation") var speculation: SpeculationFlags
    @OptionGroup var texts: MemoryOption
    @OptionGroup(title: "Model") var model: ModelOptions

    func validate() throws {
        guard (states == nil) == statesEntering.isEmpty else {
            throw ValidationError("--states and --states-entering go together: a file, and layers")
        }
        if states != nil, speculation.asksForDrafts {
            throw ValidationError(
                "--states records plain decoding; it does not go with --drafter, --depth, --passes or --tree")
        }
    }

    func run() async throws {
        try await reportingErrors {
            try answer.check()
            let interrupts = Interrupts.shared
            let prompts = try BatchPrompt.read(self.prompts)
            let engine = try await model.load(speculation, drafts: states == nil) {
                $0.parallel = parallel
                $0.recordedLayers = statesEntering.map { $0 - 1 }
                texts.adjust(&$0)
            }
            try await complete(prompts, with: engine, interrupts)
        }
    }

    private func complete(_ prompts: [BatchPrompt], with engine: Engine, _ interrupts: Interrupts) async throws {
        let file = try openOutput(prompts, engine)
        let pending = prompts.indices.filter { !file.done.contains($0) }
        let batch = engine.completeAll(pending.map { request(prompts[$0], index: $0) })
        interrupts.onInterrupt { batch.stop() }

        var progress = BatchProgress(total: prompts.count, done: file.done.count, isShown: !quiet)
        for try await element in batch {
            try append(element.result, prompts, index: pending[element.index], to: file)
            progress.advance(by: (try? element.result.get())?.tokens.count ?? 0)
        }
        try file.finish()
        progress.finish()
        try await engine.saveTexts()
        if interrupts.wasInterrupted { throw ExitCode(130) }
    }

    /// Not inlined: the compiler crashes on the coroutine that the surrounding loop would become.
    @inline(never)
    private func append(
        _ result: Result<CompletionResult, EngineError>, _ prompts: [BatchPrompt], index: Int, to file: BatchOutput
    ) throws(EngineError) {
        try file.append(result, prompts[index], index: index, withTokenIDs: tokenIds, withPromptIDs: promptIds)
    }

    private func openOutput(_ prompts: [BatchPrompt], _ engine: Engine) throws -> BatchOutput {
        let states = try states.map { try HiddenStatesOutput(path: $0, rowBytes: engine.recordedRowBytes) }
        return try BatchOutput(path: output, prompts: prompts, settings: settings(engine), states: states)
    }

    private func request(_ prompt: BatchPrompt, index: Int) -> CompletionRequest {
        let seed = (answer.seed ?? 0) &+ UInt64(index)
        guard !raw && prompt.raw != true else {
            var request = answer.request(.text(prompt.prompt), seed: seed)
            request.parsesControlTokens = special
            return request
        }
        return answer.request(prompt.conversation, seed: seed)
    }

    /// A hash of everything that a resumed run must share with the run that began the output.
    private func settings(_ engine: Engine) -> String {
        var request = answer.request(.tokens([]), seed: answer.seed ?? 0)
        let biases = request.sampling.logitBias.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        request.sampling.logitBias = [:]
        let parts: [Any] = [
            engine.model.name, engine.model.fingerprint, request.maximumTokens ?? -1, request.sampling, biases,
            request.stop, request.endsLoops, raw, special, answer.sampling.acceptance, statesEntering,
        ]
        return String(FNV1a.hash("\(parts)"), radix: 16)
    }
}
