import Foundation
import Speculate
import SpeculateShared

/// A measurement's tables and its file.
struct BenchReport: Encodable {
    struct File: Encodable {
        let path: String
        let bytes: Int
        /// FNV-1a, 64 bits, of all bytes.
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
    /// What passes take; at the end, once the measurement has refined it.
    var passSeconds: PassCosts
    var series: [BenchSeries] = []

    init(
        _ engine: Engine, drafter: DrafterSource, prompts: Int, maximumTokens: Int, repeats: Int, seed: UInt64
    ) async throws {
        kernels = engine.model.kernels
        threads = engine.model.threads
        verifier = File(engine.model.path)
        if case .diffusion(let path) = drafter { self.drafter = File(path) } else { self.drafter = nil }
        promptCount = prompts
        self.maximumTokens = maximumTokens
        self.repeats = repeats
        self.seed = seed
        passSeconds = try await engine.passCosts
    }

    func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }

    // MARK: Tables

    var text: String {
        let heading =
            "\(processor), \(threads) threads, \(kernels)\n\(promptCount) prompts, at most \(maximumTokens) tokens each, median of \(repeats)"
        var parts = [heading]
        for (plain, others) in groups {
            parts.append(
                title("", plain)
                    + table(
                        [["drafts", "τ", "tokens/s", "speed-up", "95 %", "worst", "undrafted", "same text"]]
                            + ([plain] + others).map { columns($0, plain) }))
        }
        for (plain, others) in groups where !others.isEmpty {
            let categories = Set(plain.outcomes.map(\.category)).sorted()
            let speedups = others.map { series in
                let values = Dictionary(grouping: series.speedups(over: plain), by: \.category)
                return [series.setting] + categories.map { number(values[$0]?.map(\.value).mean ?? 0) }
            }
            parts.append(title("Speed-up by category", plain) + table([["drafts"] + categories] + speedups))
            let shares = others.map { series in
                [series.setting] + series.acceptedByPosition.prefix(8).map { number($0) }
            }
            let longest = shares.map(\.count).max() ?? 1
            let positions = ["drafts"] + (1..<longest).map { "\($0)" }
            parts.append(title("Accepted by position in the draft", plain) + table([positions] + shares))
            if let regret = regret(plain, others) { parts.append(regret) }
        }
        parts.append("What passes cost, in passes of one row (\(number(passSeconds.verify[0] * 1000)) ms)\n" + costs)
        if let sentence { parts.append(sentence) }
        return parts.joined(separator: "\n\n")
    }

    /// What a person may say of it.
    private var sentence: String? {
        guard let (plain, others) = groups.first,
            let best = others.max(by: { $0.speedup(over: plain) < $1.speedup(over: plain) })
        else { return nil }
        let interval = best.interval(over: plain)
        let spread =
            interval.low < interval.high
            ? "\n(95 % confidence over prompts: \(number(interval.low)) to \(number(interval.high)))" : ""
        return
            "In short: with \(best.setting) drafts \(number(best.speedup(over: plain), 1)) times plain decoding, "
            + "\(number(best.outcomes.map(\.speed).mean, 0)) against \(number(plain.outcomes.map(\.speed).mean, 0)) tokens/s\(spread)"
    }

    private func title(_ text: String, _ plain: BenchSeries) -> String {
        let kind = plain.temperature == 0 ? "greedy" : "temperature \(plain.temperature), \(plain.acceptance)"
        return (text.isEmpty ? kind.prefix(1).uppercased() + kind.dropFirst() : "\(text), \(kind)") + "\n"
    }

    /// Plain decoding and what is to be compared with it, for each temperature and way of drawing.
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
            String(format: "%.0f", series.outcomes.map(\.speed).mean), number(series.speedup(over: plain)),
            "\(number(interval.low))–\(number(interval.high))",
            number(series.speedups(over: plain).map(\.value).min() ?? 0),
            String(format: "%.0f %%", 100 * series.shareOfPlainRounds), "\(same)/\(series.outcomes.count)",
        ]
    }

    /// How near the adaptive choice comes to the best fixed setting.
    private func regret(_ plain: BenchSeries, _ others: [BenchSeries]) -> String? {
        let fixed = [plain] + others.filter { $0.setting != "adaptive" }
        guard let adaptive = others.first(where: { $0.setting == "adaptive" }), fixed.count > 1 else { return nil }
        let perPrompt = adaptive.outcomes.indices.map { index in
            adaptive.outcomes[index].speed / fixed.map { $0.outcomes[index].speed }.max()!
        }
        let categories = Set(plain.outcomes.map(\.category)).sorted()
        let perCategory = categories.map { category in
            func speed(_ series: BenchSeries) -> Double {
                series.speedups(over: plain).filter { $0.category == category }.map(\.value).mean
            }
            return speed(adaptive) / fixed.map(speed).max()!
        }
        return
            "Adaptive over the best fixed setting: \(number(perPrompt.mean)) of each prompt, \(number(perCategory.mean)) of each category, \(number(perCategory.min() ?? 0)) at least"
    }

    private var costs: String {
        let one = passSeconds.verify[0]
        func row(_ name: String, _ values: [Double]) -> [String] {
            [name] + [1, 2, 4, 8, 16].map { $0 <= values.count ? number(values[$0 - 1] / one) : "" }
        }
        var rows = [["rows", "1", "2", "4", "8", "16"], row("verifier", passSeconds.verify)]
        if !passSeconds.draft.isEmpty {
            rows += [row("drafter", passSeconds.draft), row("  a further pass", passSeconds.furtherPass)]
        }
        return table(rows)
    }

    private func number(_ value: Double, _ digits: Int = 2) -> String { String(format: "%.\(digits)f", value) }

    /// Columns as wide as what is in them, the first to the left, the others to the right.
    private func table(_ rows: [[String]]) -> String {
        let widths = (0..<(rows.map(\.count).max() ?? 0)).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return column == 0 ? row[column] + space : space + row[column]
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
