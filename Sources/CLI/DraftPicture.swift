import Foundation
import Speculate

/// A table of a draft: a row for each pass, a column for each token.
struct DraftPicture {
    private let trace: DraftTrace

    init(_ trace: DraftTrace) { self.trace = trace }

    var text: String {
        var rows: [[String]] = []
        let count = trace.verifier.count
        rows.append([""] + (1...max(count, 1)).map { "\($0)" })
        for (index, pass) in trace.passes.enumerated() {
            rows.append(["pass \(index + 1)"] + pass.tokens.map { show($0) })
            rows.append(["  confidence"] + pass.tokens.map { $0.isRevealed ? "fixed" : percent($0.confidence) })
        }
        rows.append(["verifier"] + trace.verifier.map { quote($0.text) })
        rows.append(["  its law"] + trace.verifier.map { percent($0.probabilityOfDraft) })
        let widths = (0...count).map { column in rows.map { $0[column].count }.max()! }
        let table = rows.map { row in
            zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(separator: "  ")
                .trimmingSuffix(while: \.isWhitespace)
        }
        return (table + ["", summary]).joined(separator: "\n")
    }

    private var summary: String {
        let kept = trace.verifier.prefix(while: \.isAccepted).count
        return """
            verifier: the token that it puts there, given the drafted ones before; its law: what it gives the drafted one
            after \(quote(trace.anchor)); \(kept) of \(trace.verifier.count) tokens would be kept
            """
    }

    private func show(_ token: DraftTrace.Token) -> String { token.isMasked ? "[MASK]" : quote(token.text) }
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
