import Testing
import TestSupport

@testable import SpeculateDrafter

@Suite struct TextDrafterTests {
    private static func drafter(_ memory: TextMemory? = nil) -> TextDrafter {
        TextDrafter(odds: FollowerOdds(), memory: memory ?? TextMemory(vocabulary: 100, limit: 1 << 20))
    }

    private func propose(_ prompt: [Int32], _ maximum: Int = 4, _ memory: TextMemory? = nil) -> [Int32] {
        let drafter = Self.drafter(memory)
        drafter.begin(prompt)
        return tokens(drafter, maximum)
    }

    private func tokens(_ drafter: TextDrafter, _ maximum: Int) -> [Int32] {
        var proposal = Proposal()
        drafter.propose(maximum: maximum, beside: .none, into: &proposal)
        return proposal.tokens
    }

    @Test("what followed the end of the text earlier on is proposed")
    func lookup() {
        #expect(propose([1, 2, 3, 4, 5, 6, 1, 2]) == [3, 4, 5, 6])
        #expect(propose([1, 2, 9, 1, 2, 7, 8, 1, 2]) == [7, 8, 1, 2])
        #expect(propose([1, 2, 3, 4, 5, 6, 1, 2], 2) == [3, 4])
        #expect(propose([1, 2, 3]).isEmpty)
        #expect(propose([]).isEmpty)
        #expect(propose([1, 2, 1, 2], 0).isEmpty)
    }

    @Test("a longer match wins over a later one, which a tree has too")
    func longest() {
        let prompt: [Int32] = [5, 1, 2, 8, 8, 9, 1, 2, 7, 5, 1, 2]
        #expect(propose(prompt, 1) == [8])
        let drafter = Self.drafter()
        drafter.begin(prompt)
        var tree = Proposal()
        drafter.grow(maximum: 8, isTree: true, into: &tree) { _ in 0.01 }
        #expect(tree.child(of: -1, 8) != nil && tree.child(of: -1, 7) != nil)
        #expect(tree.problem(maximum: 8, vocabulary: 100, needsDistributions: false) == nil)
        #expect(zip(tree.confidences, tree.confidences.dropFirst()).allSatisfy { $0 >= $1 })
        #expect(drafter.reached.map { Float($0) } == tree.confidences)
    }

    @Test("a loop is continued past the end of the text")
    func loop() {
        #expect(propose([7, 7, 7], 3) == [7, 7, 7])
        #expect(propose([1, 2, 3, 1, 2, 3, 1, 2], 7) == [3, 1, 2, 3, 1, 2, 3])
    }

    @Test("committing piece by piece is the same as beginning with everything, and beginning forgets")
    func incremental() {
        var rng = SplitMix(1)
        let reused = Self.drafter()
        for _ in 0..<200 {
            let tokens = (0..<60).map { _ in Int32.random(in: 0..<6, using: &rng) }
            let cut = Int.random(in: 0...60, using: &rng)
            reused.begin(Array(tokens[..<cut]))
            for index in cut..<60 { reused.commit(tokens[index...index]) }
            #expect(self.tokens(reused, 8) == propose(tokens, 8))
        }
    }

    @Test("what other texts said is found, while they are remembered and after one half is forgotten")
    func memory() {
        let memory = TextMemory(vocabulary: 100, limit: 40_000)
        memory.remember([10, 11, 12, 13, 14, 15, 16][...])
        #expect(propose([50, 11, 12], 3, memory) == [13, 14, 15])
        let running = Self.drafter(memory)
        running.begin([50, 11])
        var rng = SplitMix(2)
        var halves = 1
        while memory.generation < 3 {
            memory.remember((0..<50).map { _ in Int32.random(in: 20..<40, using: &rng) }[...])
            halves = max(halves, memory.halves.count)
        }
        #expect(halves == 2)
        #expect(memory.halves.reduce(0) { $0 + $1.bytes } < 80_000)
        memory.remember([60, 61, 62, 63][...])
        running.commit([60, 61])
        #expect(tokens(running, 2) == [62, 63])
        #expect(propose([50, 11, 12], 3, memory).isEmpty)
    }

    @Test("a half may be forgotten between a sequence's last token and its draft")
    func forgotten() {
        for before in [0, 1, 3] {
            let memory = TextMemory(vocabulary: 100, limit: 40_000)
            var rng = SplitMix(4)
            func fill(until generation: Int) {
                while memory.generation < generation {
                    memory.remember((0..<50).map { _ in Int32.random(in: 0..<100, using: &rng) }[...])
                }
            }
            fill(until: before)
            let running = Self.drafter(memory)
            let prompt = Array(memory.halves[0].text.suffix(20).dropLast(4))
            running.begin(prompt)
            fill(until: before + 1)
            memory.remember([1, 2, 3][...])
            let drafted = tokens(running, 8)
            running.begin(prompt)
            #expect(drafted == tokens(running, 8), "\(before)")
        }
    }

    @Test("a conversation that comes again with another turn is kept once")
    func conversations() {
        let memory = TextMemory(vocabulary: 100, limit: 1 << 20)
        var rng = SplitMix(3)
        var turns = (0..<500).map { _ in Int32.random(in: 0..<100, using: &rng) }
        memory.remember(turns[...])
        let once = memory.halves[0].count
        memory.remember(turns[...])
        #expect(memory.halves[0].count == once)
        turns += [1, 2, 3, 4]
        memory.remember(turns[...])
        #expect(memory.halves[0].count < once + 30)
        #expect(propose([2, 3], 1, memory) == [4])
    }

    @Test("likely tokens of the last time come first, then those of earlier times")
    func followers() {
        var table = FollowerTable(rows: 10)
        #expect(table.after(FollowerTable.key(3)).isEmpty)
        table.record([5, 6], after: FollowerTable.key(3))
        table.record([7, 5], after: FollowerTable.key(3))
        #expect(Array(table.after(FollowerTable.key(3))) == [7, 5, 6])
        table.record([0, 1, 2, 3, 4, 5, 8, 9], after: FollowerTable.key(3))
        #expect(Array(table.after(FollowerTable.key(3))) == [0, 1, 2, 3, 4, 5, 8, 9])
        #expect(table.after(FollowerTable.key(2)).isEmpty && table.after(FollowerTable.key(4)).isEmpty)
        table = FollowerTable(rows: 1 << 10)
        var rng = SplitMix(6)
        for _ in 0..<5000 {
            let (before, token) = (Int32.random(in: 0..<100, using: &rng), Int32.random(in: 0..<100, using: &rng))
            table.record([before, token], after: FollowerTable.key(before, token))
            #expect(Array(table.after(FollowerTable.key(before, token))) == [before, token])
        }
        let memory = TextMemory(vocabulary: 100, limit: 0)
        memory.followers.record([21], after: FollowerTable.key(20))
        memory.followers.record([22, 23], after: FollowerTable.key(21))
        #expect(propose([90, 20], 3, memory) == [21, 22])
    }

    @Test("what is common is drafted from too, after what is known here, and learns nothing from it")
    func common() {
        let (memory, common) = (
            TextMemory(vocabulary: 100, limit: 1 << 20), TextMemory(vocabulary: 100, limit: 1 << 20)
        )
        common.remember([10, 11, 12, 13, 14][...])
        common.followers.record([21], after: FollowerTable.key(20))
        common.pairFollowers.record([31], after: FollowerTable.key(29, 30))
        func propose(_ prompt: [Int32]) -> [Int32] {
            let drafter = TextDrafter(odds: FollowerOdds(), memory: memory, common: common)
            drafter.begin(prompt)
            return tokens(drafter, 3)
        }
        #expect(propose([50, 11, 12]) == [13, 14])
        #expect(propose([50, 20]) == [21] && propose([29, 30]) == [31])
        memory.remember([11, 12, 17, 18, 19, 60, 61][...])
        memory.followers.record([22], after: FollowerTable.key(20))
        #expect(propose([50, 11, 12]) == [17, 18, 19] && propose([50, 20]) == [22])
        #expect(common.halves[0].count == 5)
    }

    @Test("what is saved of a memory makes it again")
    func saved() {
        let memory = TextMemory(vocabulary: 100, limit: 1 << 20)
        memory.remember([10, 11, 12, 13][...])
        memory.remember([11, 12, 17][...])
        memory.followers.record([21, 22], after: FollowerTable.key(20))
        memory.followers.record([23], after: FollowerTable.key(99))
        memory.pairFollowers.record([31], after: FollowerTable.key(29, 30))
        let again = TextMemory(vocabulary: 100, limit: 1 << 20, saved: memory.saved)
        #expect(again.saved.texts == memory.saved.texts)
        #expect(again.readNewest(3) == 3)
        #expect(propose([50, 11, 12], 1, again) == [17] && propose([50, 10], 1, again).isEmpty)
        #expect(again.readOn() == 4 && again.readOn() == 0)
        #expect(propose([50, 11, 12], 1, again) == [17] && propose([50, 10], 3, again) == [11, 12, 13])
        #expect(again.saved.texts == memory.saved.texts)
        #expect(Array(again.followers.after(FollowerTable.key(20))) == [21, 22])
        #expect(Array(again.followers.after(FollowerTable.key(99))) == [23])
        #expect(again.followers.saved.keys.count == 2)
        #expect(Array(again.pairFollowers.after(FollowerTable.key(29, 30))) == [31])
    }

    @Test("odds move towards what is seen, and stay probabilities")
    func odds() {
        let odds = FollowerOdds()
        let (good, bad) = (TextEvidence.recycled(rank: 0, pair: false), TextEvidence.recycled(rank: 1, pair: true))
        for _ in 0..<5000 {
            odds.learn(good, follows: true)
            odds.learn(bad, follows: false)
        }
        #expect(odds.probability(good) > 0.9 && odds.probability(good) < 1)
        #expect(odds.probability(bad) < 0.05 && odds.probability(bad) > 0)
    }
}
