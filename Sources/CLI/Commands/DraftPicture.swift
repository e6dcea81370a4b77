import Foundation
import Speculate

/// A draft as a table: one row per token, one column per pass, and the verifier's judgement.
struct DraftPicture {
    private let trace: DraftTrace
    private let isColoured: Bool

    init(_ trace: DraftTrace, coloured: Bool) {
        self.trace = trace
        isColoured = coloured
    }

    /// The number of accepted tokens: those before the first that is not the verifier's own.
    private var acceptedCount: Int { trace.verifier.prefix(while: \.isAccepted).count }

    var text: String {
        var columns = [[""] + trace.verifier.indices.map { "\($0 + 1)" }]
        let isGiven = trace.passes.first?.tokens.contains(where: \.isMasked) ?? false
        for (index, pass) in trace.passes.enumerated() {
            let number = index + (isGiven ? 0 : 1)
            columns.append([number == 0 ? "given" : "pass \(number)"] + pass.tokens.map(show))
        }
        columns.append(["verifier"] + trace.verifier.map { quote($0.text) })
        columns.append(["its P(draft)"] + trace.verifier.map { percent($0.probabilityOfDraft) })
        columns.append([""] + trace.verifier.indices.map(fate))
        let widths = columns.map { $0.map(\.count).max()! }
        let rows = columns[0].indices.map { row in
            let cells = zip(columns, widths).map { $0[row].padding(toLength: $1, withPad: " ", startingAt: 0) }
            return coloured(cells.joined(separator: "  ").trimmingSuffix(while: \.isWhitespace), row: row - 1)
        }
        return (["After \(quote(trace.anchor)):", ""] + rows + ["", explanation]).joined(separator: "\n")
    }

    private func fate(_ position: Int) -> String {
        if position < acceptedCount { return "accepted" }
        return position == acceptedCount ? "replaced" : ""
    }

    private func coloured(_ line: String, row: Int) -> String {
        guard isColoured else { return line }
        if row == -1 { return "\u{1b}[1m\(line)\u{1b}[0m" }
        if row < acceptedCount { return "\u{1b}[32m\(line)\u{1b}[0m" }
        return row == acceptedCount ? line : "\u{1b}[2m\(line)\u{1b}[0m"
    }

    private var explanation: String {
        let count = trace.verifier.count
        let correction = acceptedCount < count ? quote(trace.verifier[acceptedCount].text) : ""
        let verdict =
            switch acceptedCount {
            case count: "all \(count) drafted tokens"
            case 0: "none of the \(count) drafted tokens and puts \(correction) in place of the first"
            default: "the first \(acceptedCount) of \(count) drafted tokens and puts \(correction) in place of the next"
            }
        let passes =
            if trace.passes.contains(where: { $0.tokens.contains(where: \.isRevealed) }) {
                "Each pass drafts all open tokens at once and says how sure it is; some are frozen, the next pass drafts the rest."
            } else if trace.passes.count(where: { !$0.tokens.contains(where: \.isMasked) }) > 1 {
                "Each pass drafts all tokens at once and says how sure it is; the next one begins from what it says."
            } else {
                "The drafter fills all tokens in one pass and says how sure it is of each."
            }
        return "\(passes)\nThe verifier accepts \(verdict)."
    }

    private func show(_ token: DraftTrace.Token) -> String {
        if token.isMasked { return "[MASK]" }
        return quote(token.text) + (token.isRevealed ? " frozen" : " \(percent(token.confidence))")
    }

    private func quote(_ text: String) -> String { text.debugDescription }
    private func percent(_ share: Float) -> String { String(format: "%.0f%%", share * 100) }
}

extension String {
    fileprivate func trimmingSuffix(while isUnwanted: (Character) -> Bool) -> String {
        var text = self[...]
        while let last = text.last, isUnwanted(last) { text.removeLast() }
        return String(text)
    }
}
