import Foundation
import Speculate

/// Statistics of a completion, for people and for programs.
enum Report {
    /// - Parameters:
    ///   - seed: shown if not nil.
    ///   - namesFlags: whether to name the flags that raise a limit that was reached.
    ///   - columns: the most columns of a line; nil: unlimited.
    static func text(
        _ result: CompletionResult, seed: UInt64?, namesFlags: Bool = true, columns: Int? = nil
    ) -> String {
        let s = result.statistics
        var lines = [
            "prompt       \(s.promptTokens) tokens, first token after \(milliseconds(s.timeToFirstToken)) ms",
            "answer       \(s.completionTokens) tokens, \(number(s.tokensPerSecond, 1)) tokens/s, ended by \(ending(result, namesFlags))",
        ]
        if let reason = s.speculationOff {
            lines.append("speculation  off: \(reason); \(s.rounds) rounds")
        } else {
            let share = s.drafted == 0 ? 0 : 100 * Double(s.accepted) / Double(s.drafted)
            lines.append(
                "speculation  τ \(number(s.acceptanceLength, 2)) tokens per round, \(s.rounds) rounds, drafted \(s.drafted), accepted \(s.accepted) (\(number(share, 0)) %)"
            )
        }
        if let seed { lines.append("seed         \(seed)") }
        return lines.joined(separator: "\n").wrapped(to: columns, indent: 13, atCommas: true)
    }

    static func json(
        _ result: CompletionResult, _ model: ModelDescription, seed: UInt64, withTokens: Bool
    ) throws -> String {
        let s = result.statistics
        var stop: String?
        if case .stop(let text) = result.finishReason { stop = text }
        let report = JSONReport(
            text: result.text, finishReason: result.finishReason.name, stop: stop,
            tokens: withTokens ? result.tokens : nil, seed: seed,
            model: .init(name: model.name, path: model.path, kernels: model.kernels, threads: model.threads),
            statistics: .init(
                promptTokens: s.promptTokens, cachedPromptTokens: s.cachedPromptTokens,
                completionTokens: s.completionTokens, timeToFirstTokenMs: s.timeToFirstToken / .milliseconds(1),
                decodingMs: s.decodingTime / .milliseconds(1), tokensPerSecond: s.tokensPerSecond, rounds: s.rounds,
                drafted: s.drafted, accepted: s.accepted, draftedAt: s.draftedAt, acceptedAt: s.acceptedAt,
                acceptanceLength: s.acceptanceLength, speculationOff: s.speculationOff))
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(report), as: UTF8.self)
    }

    private struct JSONReport: Encodable {
        struct Model: Encodable { let name, path, kernels: String, threads: Int }
        struct Statistics: Encodable {
            let promptTokens, cachedPromptTokens, completionTokens: Int
            let timeToFirstTokenMs, decodingMs, tokensPerSecond: Double
            let rounds, drafted, accepted: Int
            let draftedAt, acceptedAt: [Int]
            let acceptanceLength: Double
            let speculationOff: String?
        }
        let text, finishReason: String
        let stop: String?
        let tokens: [Int32]?
        let seed: UInt64
        let model: Model
        let statistics: Statistics
    }

    private static func ending(_ result: CompletionResult, _ namesFlags: Bool) -> String {
        switch result.finishReason {
        case .endOfText: "end of text"
        case .stop(let text): "the stop text \(text.debugDescription)"
        case .length: "the limit of \(result.statistics.completionTokens) tokens" + (namesFlags ? " (-n)" : "")
        case .loop: "a repetition" + (namesFlags ? " (--keep-loops continues)" : "")
        case .cancelled: "interruption"
        case .deadline: "its deadline"
        }
    }

    private static func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

    private static func milliseconds(_ duration: Duration) -> String { number(duration / .milliseconds(1), 1) }
}
