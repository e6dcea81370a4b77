import SpeculateDrafter
import Testing
import TestSupport

@Suite struct PromptLookupTests {
    private func propose(_ prompt: [Int32], _ maximum: Int = 4) -> [Int32] {
        let drafter = PromptLookupDrafter()
        drafter.begin(prompt)
        return tokens(drafter, maximum)
    }

    private func tokens(_ drafter: PromptLookupDrafter, _ maximum: Int) -> [Int32] {
        var proposal = Proposal()
        drafter.propose(maximum: maximum, beside: .none, into: &proposal)
        return proposal.tokens
    }

    @Test("what followed the last occurrence of the final n-gram is proposed")
    func lookup() {
        #expect(propose([1, 2, 3, 4, 5, 6, 1, 2]) == [3, 4, 5, 6])
        #expect(propose([1, 2, 9, 1, 2, 7, 8, 1, 2]) == [7, 8, 1, 2])
        #expect(propose([1, 2, 3, 4, 5, 6, 1, 2], 2) == [3, 4])
        #expect(propose([1, 2, 3]).isEmpty)
        #expect(propose([]).isEmpty)
        #expect(propose([1, 2, 1, 2], 0).isEmpty)
    }

    @Test("a longer match wins over a later one")
    func longest() {
        #expect(propose([5, 1, 2, 8, 8, 9, 1, 2, 7, 5, 1, 2], 1) == [8])
    }

    @Test("a loop is continued past the end of the text")
    func loop() {
        #expect(propose([7, 7, 7], 3) == [7, 7, 7])
        #expect(propose([1, 2, 3, 1, 2, 3, 1, 2], 7) == [3, 1, 2, 3, 1, 2, 3])
    }

    @Test("committing piece by piece is the same as beginning with everything, and beginning forgets")
    func incremental() {
        var rng = SplitMix(1)
        let reused = PromptLookupDrafter()
        for _ in 0..<200 {
            let tokens = (0..<60).map { _ in Int32.random(in: 0..<6, using: &rng) }
            let cut = Int.random(in: 0...60, using: &rng)
            reused.begin(Array(tokens[..<cut]))
            for index in cut..<60 { reused.commit(tokens[index...index]) }
            #expect(self.tokens(reused, 8) == propose(tokens, 8))
        }
    }
}
