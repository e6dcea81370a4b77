import ArgumentParser
import Foundation
import Speculate
import SpeculateShared
import Synchronization

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure acceptance and speed against plain decoding on the same prompts.",
        discussion: """
            Every prompt is completed by plain decoding and with every setting in turn, as often as --repeats says. Where \
            the plain text ends in a loop, all stop at the loop's third turn. Ctrl-C ends the measurement and reports what \
            is done.
            """)

    @Option(
        help: ArgumentHelp("JSON lines with \"prompt\" and \"category\". Default: a built-in mix.", valueName: "file"),
        completion: .file(extensions: ["jsonl"]))
    var prompts: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Maximum prompts of each category; 0 takes all.", valueName: "n"))
    var limit: Int = 0

    @Flag(help: "Continue every prompt as it stands.")
    var raw = false

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "What is drafted: adaptive, lookup:8, diffusion:3 (in a row), diffusion:4x2 (in two passes), tree:3, eagle:5.",
            valueName: "setting ..."))
    var settings: [BenchSetting] = [BenchSetting(argument: "adaptive")!]

    @Option(parsing: .upToNextOption, help: ArgumentHelp("Temperatures.", valueName: "x ..."))
    var temperatures: [Float] = [0]

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("How drafts are judged above temperature 0.", valueName: "rule ..."))
    var acceptance: [AcceptanceRule] = [.coupled]

    @Option(
        name: [.customShort("n"), .long], parsing: .unconditional,
        help: ArgumentHelp("Maximum tokens of an answer.", valueName: "n"))
    var maxTokens: Int = 128

    @Option(parsing: .unconditional, help: ArgumentHelp("Measurements of every figure.", valueName: "n"))
    var repeats: Int = 3

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Of every completion above temperature 0.", valueName: "n"),
        transform: Seed.parse)
    var seed: UInt64 = 1

    @Option(
        help: ArgumentHelp(
            "Draft from what 'memorize' made, too; the file stays as it is.", valueName: "file"),
        completion: .file())
    var memory: String?

    @Option(help: ArgumentHelp("A JSON file for all figures.", valueName: "file"), completion: .file())
    var output: String?

    @Flag(name: [.short, .long], help: "No progress.")
    var quiet = false

    @OptionGroup(title: "Speculation") var speculation: SpeculationFlags
    @OptionGroup(title: "Model") var model: ModelOptions

    func validate() throws {
        if repeats < 1 { throw ValidationError("--repeats is \(repeats), expected 1 or more") }
        if memory == "" { throw ValidationError("--memory is empty, expected a file") }
        if limit < 0 { throw ValidationError("--limit is \(limit), expected 0 or more") }
        if maxTokens < 2 { throw ValidationError("--max-tokens is \(maxTokens), expected 2 or more") }
        if speculation.depth != nil || speculation.passes != nil || speculation.tree != nil {
            throw ValidationError("--settings says what is drafted, not --depth, --passes or --tree")
        }
        for setting in settings {
            let request = CompletionRequest(.tokens([]), speculation: setting.speculation)
            if let problem = request.problem() { throw ValidationError("--settings \(setting.name): \(problem)") }
        }
        for temperature in temperatures {
            let sampling = SamplingOptions(temperature: temperature)
            if let problem = sampling.problem() { throw ValidationError("--temperatures: \(problem)") }
        }
    }

    func run() async throws {
        try await reportingErrors {
            let interrupts = Interrupts.shared
            var counts: [String: Int] = [:]
            let prompts = try (self.prompts.map { try BenchPrompt.read($0) } ?? BenchPrompt.builtIn).filter { prompt in
                counts[prompt.category ?? "any", default: 0] += 1
                return limit == 0 || counts[prompt.category ?? "any"]! <= limit
            }
            if let output {
                do throws(FileError) { try AtomicFile.check(output) } catch { throw EngineError(error, path: output) }
            }
            if let memory {
                do { _ = try ReadableFile(path: memory) } catch { throw EngineError(error, path: memory) }
            }
            let engine = try await model.load(speculation) {
                $0.prefixMemory = 0
                $0.textMemoryFile = memory
                $0.textMemoryUse = .read
            }
            let isStopped = StopFlag()
            interrupts.onInterrupt { isStopped.set() }
            var report = try await BenchReport(
                engine, drafter: speculation.source(for: engine.model.path), prompts: prompts.count,
                maximumTokens: maxTokens,
                repeats: repeats, seed: seed)
            let groups = temperatures.flatMap { temperature in
                (SamplingOptions(temperature: temperature).isGreedy ? [AcceptanceRule.greedy] : acceptance).map {
                    (temperature, $0)
                }
            }
            report.groupCount = groups.count
            var progress = BatchProgress(total: groups.count * prompts.count, done: 0, isShown: !quiet)
            for (temperature, rule) in groups {
                var series = ([.plain] + settings).map {
                    BenchSeries(setting: $0.name, temperature: temperature, acceptance: rule.rawValue)
                }
                for (index, prompt) in prompts.enumerated() where !isStopped.isSet {
                    let outcomes = try await measure(prompt, index, temperature, rule, engine)
                    for (place, outcome) in outcomes.enumerated() { series[place].outcomes.append(outcome) }
                    progress.advance(by: outcomes.reduce(0) { $0 + $1.tokens * repeats })
                }
                report.series += series.filter { !$0.outcomes.isEmpty }
            }
            progress.finish()
            report.passSeconds = await engine.passCosts
            Terminal.print(report.text(columns: Terminal.outputIsTerminal ? Terminal.size.columns : 100))
            if let output {
                do throws(FileError) {
                    try AtomicFile.write(try! report.json(), to: output)
                } catch {
                    throw EngineError(error, path: output)
                }
            }
            if interrupts.wasInterrupted { throw ExitCode(130) }
        }
    }

    /// Measures plain decoding and every setting on one prompt, starting each repeat with a different one.
    private func measure(
        _ prompt: BenchPrompt, _ index: Int, _ temperature: Float, _ rule: AcceptanceRule, _ engine: Engine
    ) async throws -> [BenchOutcome] {
        var request = CompletionRequest(raw ? .text(prompt.prompt) : prompt.request, maximumTokens: maxTokens)
        request.sampling.temperature = temperature
        request.sampling.seed = seed &+ UInt64(index)
        request.acceptance = rule
        let all = [.plain] + settings
        request.speculation = Speculation.none
        let plain = try await engine.complete(request)  // Warms up, and gives the text's length.
        let tokens = TextLoop.cut(plain.tokens)
        request.maximumTokens = max(tokens.count, 2)
        var outcomes = [BenchOutcome?](repeating: nil, count: all.count)
        for turn in 0..<repeats {
            for place in all.indices.map({ ($0 + turn) % all.count }) {
                request.speculation = all[place].speculation
                // Each remembers the prompts before this one, but not this one of an earlier turn.
                request.cacheSalt = "\(all[place].name), \(temperature), \(rule), \(turn)"
                let result = try await engine.complete(request)
                if outcomes[place] == nil {
                    outcomes[place] = BenchOutcome(
                        result, prompt: index, category: prompt.category ?? "any",
                        plain: Array(plain.tokens.prefix(request.maximumTokens!)))
                }
                outcomes[place]!.add(result.statistics)
            }
        }
        return outcomes.map { $0! }
    }
}

/// A flag that is set once, from any thread.
private final class StopFlag: Sendable {
    private let value = Atomic<Bool>(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}
