import Speculate

/// A text on a terminal whose last block is drawn anew after each pass: guesses in greys, brighter the surer they are.
struct DiffusionView {
    /// The most lines that a block takes while it changes.
    private static let lines = 6

    /// Removes a block that has no last pass.
    static let erasing = "\u{1b}8\u{1b}[J"

    let columns: Int

    /// What to write for a step.
    func show(_ step: DiffusionStep) -> String {
        var text = ""
        if step.pass == 0 {
            // Lines below for the block, which scroll what is above rather than the place that is remembered.
            text += String(repeating: "\u{1b}D", count: Self.lines) + "\u{1b}[\(Self.lines)A\u{1b}7"
        }
        text += Self.erasing
        guard step.text == nil else { return text + (step.text ?? "") }
        var room = columns * (Self.lines - 1)
        for token in step.tokens {
            let shown = Self.inline(token.text)
            room -= shown.reduce(0) { $0 + $1.columns }
            guard room > 0 else { break }
            text += token.isSettled ? shown : "\u{1b}[38;5;\(Self.grey(token.certainty))m\(shown)\u{1b}[0m"
        }
        return text
    }

    /// A token that stays on its line.
    private static func inline(_ text: String) -> String {
        text.replacing("\n", with: "↵").replacing("\t", with: " ").printable
    }

    /// One of the terminal's 24 greys.
    private static func grey(_ certainty: Float) -> Int {
        236 + (certainty > 0 ? Int((min(certainty, 1) * 17).rounded()) : 0)
    }
}
