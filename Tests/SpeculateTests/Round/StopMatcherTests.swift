import TestSupport
import Testing

@testable import Speculate

@Suite struct StopMatcherTests {
    /// The first byte that completes a text, and the longest of the texts it completes.
    private func naive(_ text: [UInt8], _ stops: [[UInt8]]) -> (end: Int, stop: [UInt8])? {
        for end in 1..<text.count + 1 {
            let found = stops.filter { text[..<end].suffix($0.count).elementsEqual($0) }
            if let longest = found.max(by: { $0.count < $1.count }) { return (end, longest) }
        }
        return nil
    }

    @Test("what is found, and what may still become something, is what looking at everything finds")
    func equivalence() {
        var rng = SplitMix(3)
        for _ in 0..<3000 {
            let letters = UInt8.random(in: 1...3, using: &rng)
            func random(_ length: ClosedRange<Int>) -> [UInt8] {
                (0..<Int.random(in: length, using: &rng)).map { _ in UInt8.random(in: 97...96 + letters, using: &rng) }
            }
            let stops = (0..<Int.random(in: 1...6, using: &rng)).map { _ in random(1...7) }
            let text = random(1...60)
            var matcher = StopMatcher(stops)
            var found: (end: Int, stop: [UInt8])?
            for (index, byte) in text.enumerated() {
                if let match = matcher.advance(byte) {
                    found = (index + 1, stops[match])
                    break
                }
                let seen = text[...index]
                let begun = (0...seen.count).last { count in stops.contains { $0.starts(with: seen.suffix(count)) } }
                #expect(matcher.pending == begun)
            }
            let expected = naive(text, stops)
            #expect(found?.end == expected?.end && found?.stop == expected?.stop)
        }
    }

    @Test("a text that keeps nearly matching sixteen long stop texts is looked at a constant number of times per byte")
    func work() {
        let stops = (0..<16).map { index in String(repeating: "a", count: 1000) + "\(index)" }
        var answer = AnswerText(stops: StopTexts(stops))
        var shown = 0
        for _ in 0..<200_000 { shown += answer.append([97], isDrafted: false).reduce(0) { $0 + $1.text.utf8.count } }
        #expect(shown == 200_000 - 1000 && answer.stopped == nil)
        shown += answer.append(Array("15".utf8), isDrafted: false).reduce(0) { $0 + $1.text.utf8.count }
        #expect(answer.stopped == String(repeating: "a", count: 1000) + "1" && shown == 200_000 - 1000)
    }
}
