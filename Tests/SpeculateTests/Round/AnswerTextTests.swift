@testable import Speculate
import Testing
import TestSupport

@Suite struct AnswerTextTests {
    private func run(_ parts: [[UInt8]], stops: [String]) -> (text: String, stopped: String?, held: Int) {
        var answer = AnswerText(stops: StopTexts(stops))
        var text = ""
        var shown: [Int] = []
        for part in parts where answer.stopped == nil {
            text += answer.append(part, isDrafted: false).map(\.text).joined()
            shown.append(text.utf8.count)
        }
        let early = text.utf8.count
        text += answer.finish().map(\.text).joined()
        return (text, answer.stopped, text.utf8.count - early)
    }

    @Test("text is cut before the earliest stop text, wherever token boundaries fall")
    func stops() {
        let text = "alpha STOP beta END gamma"
        for size in 1...9 {
            let bytes = Array(text.utf8)
            let parts = stride(from: 0, to: bytes.count, by: size).map {
                Array(bytes[$0..<min($0 + size, bytes.count)])
            }
            #expect(run(parts, stops: ["END", "STOP"]) == ("alpha ", "STOP", 0))
            #expect(run(parts, stops: ["ST", "STOP b"]).text == "alpha ")
            #expect(run(parts, stops: ["ENDING"]).text == text)
            #expect(run(parts, stops: ["gamma"]) == ("alpha STOP beta END ", "gamma", 0))
            #expect(run(parts, stops: ["gammas"]) == (text, nil, 5))
            #expect(run(parts, stops: []) == (text, nil, 0))
        }
    }

    @Test("characters outside ASCII are neither split nor mistaken")
    func characters() {
        let parts = Array("naïve — 日本".utf8).map { [$0] }
        #expect(run(parts, stops: ["日本"]).text == "naïve — ")
        #expect(run(parts, stops: ["—本"]).text == "naïve — 日本")
        #expect(run([[0x61, 0xe6, 0x97], [0x61]], stops: ["x"]).text == "a\u{fffd}a")
    }

    @Test("pieces keep whether they were drafted")
    func origins() {
        var answer = AnswerText(stops: StopTexts(["xyz"]))
        #expect(answer.append(Array("ax".utf8), isDrafted: true) == [.init(text: "a", isDrafted: true)])
        #expect(answer.append(Array("y".utf8), isDrafted: false).isEmpty)
        #expect(
            answer.append(Array("b".utf8), isDrafted: false) == [
                .init(text: "x", isDrafted: true), .init(text: "y", isDrafted: false),
                .init(text: "b", isDrafted: false),
            ])
    }
}
