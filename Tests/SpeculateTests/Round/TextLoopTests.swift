import TestSupport
import Testing

@testable import Speculate

@Suite struct TextLoopTests {
    /// The end of the first loop, found by examining the whole text again for every token.
    private func naive(_ tokens: [Int32]) -> (index: Int, beyond: Int)? {
        for end in tokens.indices {
            let text = tokens[...end]
            for turn in 1...48 where turn < text.count {
                let repeated = (turn..<text.count).prefix {
                    text[end - $0 + turn] == text[end - $0]
                }.count
                if repeated >= 2 * turn, repeated + turn >= 12 { return (end, repeated - turn) }
            }
        }
        return nil
    }

    private func found(_ tokens: [Int32]) -> (index: Int, beyond: Int)? {
        var loop = TextLoop()
        for (index, token) in tokens.enumerated() {
            if let beyond = loop.beyond(with: token) { return (index, beyond) }
        }
        return nil
    }

    @Test("a loop is seen where its third turn ends, whatever its length, and told apart from what varies")
    func endings() {
        for turn in [1, 2, 3, 5, 17, 47, 48, 49] {
            let head = (0..<10).map { Int32(1000 + $0) }
            let piece = (0..<turn).map { Int32($0) }
            let tokens = head + Array(repeating: piece, count: 12).joined()
            let (found, expected) = (found(tokens), naive(tokens))
            #expect(found?.index == expected?.index && found?.beyond == expected?.beyond, "turn \(turn)")
            #expect((found == nil) == (turn > 48))
            if turn <= 48 { #expect(TextLoop.cut(tokens) == head + piece + piece) }
        }
        var random = SplitMix(7)
        for _ in 0..<200 {
            let tokens = (0..<60).map { _ in Int32.random(in: 0...1, using: &random) }
            #expect(found(tokens)?.index == naive(tokens)?.index, "\(tokens)")
        }
    }
}
