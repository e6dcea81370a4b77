import Testing

@testable import CLI
@testable import Speculate

/// What a terminal is told of a block that is being denoised.
@Suite struct DiffusionViewTests {
    @Test("a guess is brighter the surer it is, and dark where its certainty is no number", arguments: [true, false])
    func greys(_ isSettled: Bool) {
        for (certainty, grey) in [(Float.nan, 236), (-1, 236), (0, 236), (0.5, 245), (1, 253), (7, 253)] {
            let token = DiffusionStep.Token(text: "a\nb", certainty: certainty, isSettled: isSettled)
            let step = DiffusionStep(block: 0, pass: 1, passes: 4, tokens: [token], text: nil)
            let shown = DiffusionView(columns: 80).show(step)
            #expect(shown.hasSuffix(isSettled ? "[Ja↵b" : "\u{1b}[38;5;\(grey)ma↵b\u{1b}[0m"), "\(certainty)")
        }
    }
}
