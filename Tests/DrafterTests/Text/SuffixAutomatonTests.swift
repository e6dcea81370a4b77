import Testing
import TestSupport

@testable import SpeculateDrafter

@Suite struct SuffixAutomatonTests {
    /// Where a piece occurs in texts: the text, and the index behind it.
    private func ends(of piece: ArraySlice<Int32>, in texts: [[Int32]]) -> [(text: Int, end: Int)] {
        texts.enumerated().flatMap { place, text in
            (0...max(text.count - piece.count, 0)).filter {
                $0 + piece.count <= text.count && text[$0..<$0 + piece.count].elementsEqual(piece)
            }.map { (place, $0 + piece.count) }
        }
    }

    @Test("finds the longest end of a sequence that occurs in the texts, and what follows it there")
    func naive() {
        var rng = SplitMix(4)
        for round in 0..<150 {
            let letters = Int32([2, 3, 20][round % 3])
            let texts = (0..<1 + round % 4).map { _ in
                (0..<Int.random(in: 1...40, using: &rng)).map { _ in Int32.random(in: 0..<letters, using: &rng) }
            }
            var automaton = SuffixAutomaton()
            for text in texts {
                automaton.begin()
                for token in text { automaton.append(token) }
            }
            let sequence = (0..<60).map { _ in Int32.random(in: 0..<letters, using: &rng) }
            var match = SuffixAutomaton.Match.none
            for index in sequence.indices {
                match = automaton.advance(match, sequence[index])
                let longest = (0...index + 1).last {
                    $0 == 0 || !ends(of: sequence[(index + 1 - $0)...index], in: texts).isEmpty
                }!
                #expect(Int(match.length) == longest)
                var lengths: [Int] = []
                automaton.forEachFollower(of: match) { token, length, isOnly in
                    let piece = sequence[(index + 1 - length)...index]
                    let followers = ends(of: piece, in: texts).filter { $0.end < texts[$0.text].count }
                        .map { texts[$0.text][$0.end] }
                    #expect(followers.contains(token))
                    #expect(isOnly == (Set(followers).count == 1))
                    lengths.append(length)
                    return true
                }
                #expect(zip(lengths, lengths.dropFirst()).allSatisfy { $0 > $1 })
                let followed = (1...max(longest, 1)).last {
                    ends(of: sequence[(index + 1 - $0)...index], in: texts).contains { $0.end < texts[$0.text].count }
                }
                if longest > 0, let followed { #expect(lengths.first == followed) }
            }
        }
    }

    @Test("of several places the latest is taken")
    func latest() {
        var automaton = SuffixAutomaton()
        for token: Int32 in [1, 2, 3, 1, 2, 4, 1, 2] { automaton.append(token) }
        var found: [Int32] = []
        automaton.forEachFollower(of: automaton.end) { token, _, _ in
            found.append(token)
            return true
        }
        #expect(found == [4])
        #expect(automaton.repeated == 2)
    }

    @Test("memory grows with the text alone")
    func size() {
        var automaton = SuffixAutomaton()
        var rng = SplitMix(5)
        for _ in 0..<20_000 { automaton.append(Int32.random(in: 0..<500, using: &rng)) }
        #expect(automaton.bytes < 20_000 * 150)
    }
}
