import Foundation
import Speculate
import SpeculateShared

/// A benchmark's results, as tables and as a file.
struct BenchReport: Encodable {
    struct File: Encodable {
        let path: String
        let bytes: Int
        /// FNV-1a, 64 bits, over all bytes.
        let fnv1a: String

        init?(_ path: String?) {
            guard let path, let data = FileManager.default.contents(atPath: path) else { return nil }
            self.path = (path as NSString).lastPathComponent
            bytes = data.count
            fnv1a = data.withUnsafeBytes { String(FNV1a.hash($0.bindMemory(to: UInt8.self)), radix: 16) }
        }
    }

    let version = SpeculateCommand.configuration.version
    let processor = Processor.name
    let kernels: String
    let threads: Int
    let verifier: File?
    let drafter: File?
    let promptCount: Int
    let maximumTokens: Int
    let repeats: Int
    let seed: UInt64
    /// Costs of passes, read at the end, when the benchmark has refined them.
    var passSeconds: PassCosts
    var series: [BenchSeries] = []
    /// The number of planned runs over the prompts.
    var groupCount = 1

    private enum CodingKeys: String, CodingKey {
        case version, processor, kernels, threads, verifier, drafter, promptCount, maximumTokens, repeats, seed
        case passSeconds, series
    }

    init(
        _ engine: Engine, drafter: DrafterSource, prompts: Int, maximumTokens: Int, repeats: Int, seed: UInt64
    ) async throws {
        kernels = engine.model.kernels
        threads = engine.model.threads
        verifier = File(engine.model.path)
        if case .file(let path) = drafter { self.drafter = File(path) } else { self.drafter = nil }
        promptCount = prompts
        self.maximumTokens = maximumTokens
        self.repeats = repeats
        self.seed = seed
        passSeconds = await engine.passCosts
    }

    func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }

    // MARK: Tables

    /// - Parameter columns: the page width, if possible.
    func text(columns: Int) -> String {
        func table(_ rows: [[String]]) -> String { TextTable.text(rows, columns: columns) }
        let heading =
            "\(processor), \(threads) threads, \(kernels)\n\(extent), at most \(maximumTokens) tokens each, median of \(repeats)"
        var parts = [heading]
        for (plain, others) in groups {
            parts.append(
                title("", plain)
                    + table(
                        [["drafts", "τ", "tokens/s", "speed-up", "95 %", "worst", "undrafted", "same text"]]
                            + ([plain] + others).map { self.columns($0, plain) }))
        }
        if groups.contains(where: { !$1.isEmpty }) {
            parts.append(
                """
                tokens/s: of all prompts together. Speed-up: of a prompt, averaged over each category's prompts and then \
                over categories. 95 %: its confidence interval, where each category has several prompts. Worst: the least \
                speed-up of a prompt.
                """.wrapped(to: columns))
        }
        for (plain, others) in groups where !others.isEmpty {
            parts.append(title("Speed-up by category", plain) + table(byCategory(plain, others)))
            let shares = others.map { series in
                [series.setting] + series.acceptedByPosition.prefix(8).map { number($0) }
            }
            let longest = shares.map(\.count).max() ?? 1
            let positions = ["drafts"] + (1..<longest).map { "\($0)" }
            parts.append(title("Accepted by position in the draft", plain) + table([positions] + shares))
            if let regret = regret(plain, others) { parts.append(regret.wrapped(to: columns)) }
        }
        parts.append(
            "What passes cost, in passes of one row (\(number(passSeconds.verify[0] * 1000)) ms)\n" + table(costs))
        if let sentence { parts.append(sentence) }
        return parts.joined(separator: "\n\n")
    }

    /// The number of prompts, or of those done if interrupted.
    private var extent: String {
        let done = groups.reduce(0) { $0 + $1.0.outcomes.count }
        guard done < promptCount * groupCount else { return promptCount == 1 ? "1 prompt" : "\(promptCount) prompts" }
        return "interrupted after \(done) of \(promptCount * groupCount) "
            + (groupCount == 1 ? "prompts" : "measurements (\(promptCount) prompts, \(groupCount) ways of drawing)")
    }

    private func byCategory(_ plain: BenchSeries, _ others: [BenchSeries]) -> [[String]] {
        let speedups = others.map { Dictionary(grouping: $0.speedups(over: plain), by: \.category) }
        let categories = Set(plain.outcomes.map(\.category)).sorted()
        return [["category"] + others.map(\.setting)]
            + categories.map { category in
                [Self.shortened(category)] + speedups.map { number($0[category]?.map(\.value).mean ?? 0) }
            }
    }

    private static func shortened(_ name: String) -> String { name.count > 24 ? name.prefix(23) + "…" : name }

    /// The summary in words.
    private var sentence: String? {
        guard let (plain, others) = groups.first,
            let best = others.max(by: { $0.speedup(over: plain) < $1.speedup(over: plain) })
        else { return nil }
        let (rate, plainRate) = (best.tokensPerSecond, plain.tokensPerSecond)
        let interval = best.interval(over: plain).map {
            " (95 % confidence: \(number($0.low)) to \(number($0.high)))"
        }
        return """
            In short: with \(best.setting) drafts \(number(rate, 0)) tokens/s, by plain decoding \(number(plainRate, 0)): \
            \(number(rate / max(plainRate, .leastNormalMagnitude), 1)) times as fast on all prompts together.
            A prompt by itself: \(number(best.speedup(over: plain), 1)) times as fast on average\(interval ?? ""), \
            \(number(best.speedups(over: plain).map(\.value).min() ?? 0)) at worst.
            """
    }

    private func title(_ text: String, _ plain: BenchSeries) -> String {
        let kind = plain.temperature == 0 ? "greedy" : "temperature \(plain.temperature), \(plain.acceptance)"
        return (text.isEmpty ? kind.prefix(1).uppercased() + kind.dropFirst() : "\(text), \(kind)") + "\n"
    }

    /// Plain decoding and the series to compare with it, per temperature and acceptance rule.
    private var groups: [(BenchSeries, [BenchSeries])] {
        series.filter { $0.setting == BenchSetting.plain.name }.map { plain in
            (
                plain,
                series.filter {
                    $0.setting != plain.setting && $0.temperature == plain.temperature
                        && $0.acceptance == plain.acceptance
                }
            )
        }
    }

    private func columns(_ series: BenchSeries, _ plain: BenchSeries) -> [String] {
        let interval = series.interval(over: plain)
        let same = series.outcomes.filter(\.isPlainText).count
        return [
            series.setting, number(series.acceptanceLength),
            number(series.tokensPerSecond, 0), number(series.speedup(over: plain)),
            interval.map { "\(number($0.low))–\(number($0.high))" } ?? "",
            number(series.speedups(over: plain).map(\.value).min() ?? 0),
            percent(series.shareOfPlainRounds), "\(same)/\(series.outcomes.count)",
        ]
    }

    /// How close adaptive speculation comes to the best fixed setting.
    private func regret(_ plain: BenchSeries, _ others: [BenchSeries]) -> String? {
        let fixed = [plain] + others.filter { $0.setting != "adaptive" }
        guard let adaptive = others.first(where: { $0.setting == "adaptive" }), fixed.count > 1 else { return nil }
        let perPrompt = adaptive.outcomes.indices.map { index in
            adaptive.outcomes[index].speed / fixed.map { $0.outcomes[index].speed }.max()!
        }
        let perCategory = Set(plain.outcomes.map(\.category)).sorted().map { category in
            func speed(_ series: BenchSeries) -> Double {
                series.speedups(over: plain).filter { $0.category == category }.map(\.value).mean
            }
            return (name: category, share: speed(adaptive) / fixed.map(speed).max()!)
        }
        guard let worst = perCategory.min(by: { $0.share < $1.share }) else { return nil }
        return """
            Adaptive drafts have \(percent(perPrompt.mean)) of the speed of the fixed setting that is best for a prompt, \
            on average over prompts, and \(percent(perCategory.map(\.share).mean)) of the one that is best for a category, \
            on average over categories; in the worst category, \(worst.name), it is \(percent(worst.share)).
            """
    }

    private var costs: [[String]] {
        let one = passSeconds.verify[0]
        func row(_ name: String, _ values: [Double]) -> [String] {
            [name] + [1, 2, 4, 8, 16].map { $0 <= values.count ? number(values[$0 - 1] / one) : "" }
        }
        var rows = [["rows", "1", "2", "4", "8", "16"], row("verifier", passSeconds.verify)]
        if !passSeconds.draft.isEmpty {
            rows += [row("drafter", passSeconds.draft), row("  a further pass", passSeconds.furtherPass)]
        }
        return rows
    }

    private func percent(_ share: Double) -> String { "\(number(100 * share, 0)) %" }

    private func number(_ value: Double, _ digits: Int = 2) -> String { String(format: "%.\(digits)f", value) }
}
