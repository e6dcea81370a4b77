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
        var lines = [
            "\(processor), \(threads) threads, \(kernels); \(promptCount) prompts, at most \(maximumTokens) tokens, median of \(repeats)",
            "",
            row([
                "temperature", "rule", "drafts", "τ", "tokens/s", "speed-up", "95 %", "worst", "undrafted", "same text",
            ]),
        ]
        for (plain, others) in groups {
            for series in [plain] + others { lines.append(row(columns(series, plain))) }
        }
        for (plain, others) in groups where !others.isEmpty {
            lines += ["", "Speed-up by category, temperature \(plain.temperature):", ""]
            let categories = Set(plain.outcomes.map(\.category)).sorted()
            lines.append(row(["drafts", "rule"] + categories))
            for series in others {
                let values = Dictionary(grouping: series.speedups(over: plain), by: \.category)
                lines.append(
                    row(
                        [series.setting, series.acceptance]
                            + categories.map { number(values[$0]?.map(\.value).mean ?? 0) }))
            }
            lines += ["", "Accepted by position, temperature \(plain.temperature):", ""]
            for series in others {
                lines.append(
                    row([series.setting, series.acceptance] + series.acceptedByPosition.prefix(8).map { number($0) }))
            }
            if let regret = regret(plain, others) { lines += ["", regret] }
        }
        lines += ["", costs]
        return lines.joined(separator: "\n")
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
            "\(series.temperature)", series.acceptance, series.setting, number(series.acceptanceLength),
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
            "adaptive over the best fixed setting: of each prompt \(number(perPrompt.mean)), of each category \(number(perCategory.mean)), least \(number(perCategory.min() ?? 0))"
    }

    private var costs: String {
        let one = passSeconds.verify[0]
        func ratios(_ values: [Double], _ counts: [Int]) -> String {
            counts.filter { $0 <= values.count }.map { "\($0): \(number(values[$0 - 1] / one))" }.joined(
                separator: ", ")
        }
        let verify =
            "T_verify(1) \(number(one * 1000)) ms; T_verify(k)/T_verify(1): "
            + ratios(passSeconds.verify, [2, 4, 8, 16])
        guard !passSeconds.draft.isEmpty else { return verify }
        return verify + "; T_draft(k)/T_verify(1): " + ratios(passSeconds.draft, [1, 2, 4, 8]) + "; of a further pass: "
            + ratios(passSeconds.furtherPass, [1, 2, 4, 8])
    }

    private func number(_ value: Double) -> String { String(format: "%.2f", value) }

    private func row(_ cells: [String]) -> String {
        cells.map { cell in cell + String(repeating: " ", count: max(1, 13 - cell.count)) }.joined()
    }
}
