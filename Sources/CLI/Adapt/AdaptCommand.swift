import ArgumentParser
import Foundation
import Speculate
import SpeculateAdaptation
import SpeculateShared

struct AdaptCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adapt", abstract: "Improve a drafter on your own text or past answers, on this machine.",
        discussion: """
            With --text the model continues passages of the files, and the drafter learns to foresee it. With --history it \
            learns the answers of a file of JSON lines, each with "prompt_ids" and "tokens" (what 'batch' writes with \
            --prompt-ids and --token-ids), with "prompt" and "text" (and "system" or "raw", as in batch's prompts), or with \
            "messages" as chats have them.

            A tenth is kept apart. The adapted drafter is written only if it drafts better there than the one it was made \
            from; if not, nothing is written and the exit status is 1. Ctrl-C ends the learning early. No text is changed \
            by a drafter: only its speed is. Prints the file's path, for --drafter.
            """)

    @Option(
        parsing: .upToNextOption, help: ArgumentHelp("Files of text such as you write, UTF-8.", valueName: "file"),
        completion: .file())
    var text: [String] = []

    @Option(help: ArgumentHelp("JSON lines of past answers.", valueName: "file"), completion: .file())
    var history: String?

    @Option(
        name: [.short, .long], help: ArgumentHelp("The drafter's file to be.", valueName: "file"),
        completion: .file(extensions: ["gguf"]))
    var output: String

    @Option(
        help: ArgumentHelp(
            "The drafter to begin with. Default: $SPECULATE_DRAFTER, else the one beside the model.", valueName: "file"),
        completion: .file(extensions: ["gguf"]))
    var drafter: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("The most time that it takes.", valueName: "n"))
    var minutes: Double = 10

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How far a step may change a weight: more learns faster, until it spoils.", valueName: "x"))
    var rate: Float = AdaptationSettings().rate

    @Option(
        parsing: .unconditional, help: ArgumentHelp("For the order of lessons and for sampled texts.", valueName: "n"),
        transform: Seed.parse)
    var seed: UInt64 = 0

    @Flag(help: "Replace the output if it exists.")
    var force = false

    @Flag(name: [.short, .long], help: "No progress and no summary.")
    var quiet = false

    @OptionGroup(title: "Model") var model: ModelOptions

    func validate() throws {
        guard text.isEmpty != (history == nil) else {
            throw ValidationError("expected either --text or --history: what to learn from")
        }
        if output == "" { throw ValidationError("--output is empty, expected a file") }
        guard rate > 0, rate <= 1 else {
            throw ValidationError("--rate is \(rate), expected more than 0 and at most 1")
        }
        guard minutes > 0, minutes <= 10_000 else {
            throw ValidationError("--minutes is \(minutes), expected more than 0 and at most 10000")
        }
    }

    func run() async throws {
        try await reportingErrors {
            let texts = try history.map { path throws(EngineError) in try HistoryLine.read(path) } ?? readTexts()
            guard force || !FileManager.default.fileExists(atPath: output) else {
                throw EngineError(
                    .invalidRequest, "\(output) exists; --force replaces it, --output names another file")
            }
            do throws(FileError) { try AtomicFile.check(output) } catch { throw EngineError(error, path: output) }
            let verifier = try await model.location()
            let drafter = try drafterPath(for: verifier)
            // The drafter that it begins with may be replaced by a better one, what it is made from may not.
            let place = URL(fileURLWithPath: output).resolvingSymlinksInPath()
            for input in text + [history, verifier].compactMap({ $0 })
            where URL(fileURLWithPath: input).resolvingSymlinksInPath() == place {
                throw EngineError(.invalidRequest, "--output is \(output), which is read; expected another file")
            }
            var settings = AdaptationSettings()
            settings.limit = .seconds(minutes * 60)
            settings.rate = rate
            settings.seed = seed
            settings.configuration = model.configuration
            let result = try await adapt(verifier, drafter, texts, settings)
            if !quiet { Terminal.log(summary(result)) }
            if result.isWritten { Terminal.print(output) }
            if result.wasStopped { throw ExitCode(130) }
            if !result.isWritten { throw ExitCode(1) }
        }
    }

    private func readTexts() throws(EngineError) -> [AdaptationText] {
        var texts: [AdaptationText] = []
        for path in text {
            do throws(FileError) { _ = try ReadableFile(path: path) } catch { throw EngineError(error, path: path) }
            guard let bytes = FileManager.default.contents(atPath: path) else {
                throw EngineError(.fileUnreadable, "\(path): cannot be read")
            }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw EngineError(.invalidRequest, "\(path) is not UTF-8, expected text")
            }
            texts.append(.text(text))
        }
        return texts
    }

    private func drafterPath(for verifier: String) throws(EngineError) -> String {
        var flags = SpeculationFlags()
        flags.drafter = drafter
        guard case .file(let path) = flags.source(for: verifier) else {
            if let named = flags.named {
                let name = drafter == nil ? "SPECULATE_DRAFTER" : "--drafter"
                throw EngineError(.invalidRequest, "\(name) is \(named), expected a drafter's file to begin with")
            }
            throw EngineError(
                .invalidRequest, "there is no drafter beside \(verifier); name the file to begin with: --drafter")
        }
        return path
    }

    private func adapt(
        _ verifier: String, _ drafter: String, _ texts: [AdaptationText], _ settings: AdaptationSettings
    ) async throws -> AdaptationResult {
        let (output, progress) = (output, AdaptProgress(isShown: !quiet))
        let isStopped = Locked(false)
        let interrupts = Interrupts.shared
        interrupts.onInterrupt { isStopped.withLock { $0 = true } }
        defer {
            interrupts.onInterrupt(nil)
            progress.finish()
        }
        // Long work does not belong on Swift's cooperative threads.
        return try await withCheckedThrowingContinuation { continuation in
            NativeThread.start {
                continuation.resume(
                    with: Result {
                        try Adaptation(verifier: verifier, drafter: drafter, texts, settings).run(
                            to: output, isStopped: { isStopped.withLock { $0 } }, report: progress.show)
                    })
            }
        }
    }

    private func summary(_ result: AdaptationResult) -> String {
        let figures = String(
            format: "tokens per round where nothing was learnt from: %.3f before, %.3f adapted (%+.1f %%)",
            result.before, result.after, 100 * (result.after / result.before - 1))
        if result.steps == 0, !result.isWritten {
            return "\(result.places) places were read, and no time was left to learn: --minutes says how much there is"
        }
        let work = "\(result.places) places learnt in \(result.steps) steps"
        return result.isWritten
            ? "\(figures); \(work)"
            : "\(work) made no better drafter; nothing is written (\(String(format: "%.3f", result.before)) tokens per round)"
    }
}
