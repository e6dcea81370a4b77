import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport

@testable import Speculate

/// How adaptive speculation chooses drafts.
struct AdaptiveDrafterTests {
    private static func costs() throws -> CostTable {
        let verifier = try Verifier(
            Checkpoint(path: Fixtures.path("tiny-qwen3.gguf")), kernels: Kernels(), pool: WorkerPool(count: 1))
        return try CostTable(verifier: verifier, model: nil)
    }

    /// Teaches the cost table that a pass of k rows takes 1 + slope · (k − 1) milliseconds.
    private static func teach(_ costs: CostTable, slope: Double) {
        costs.measure()
        for _ in 0..<400 {
            for rows in 1...32 { costs.observe(verify: (1 + slope * Double(rows - 1)) / 1000, rows: rows) }
        }
    }

    /// What drafts chains from text.
    private static func text(_ costs: CostTable, _ experience: TextExperience = TextExperience()) -> TextCandidate {
        TextCandidate(
            TextDrafter(odds: experience.odds, memory: TextMemory(vocabulary: 300, limit: 0)), trees: false,
            costs: costs,
            experience: experience)
    }

    /// Runs rounds over a known text; returns the tokens drafted in each.
    private func run(_ drafter: AdaptiveDrafter, prompt: [Int32], answer: [Int32]) -> [Int] {
        drafter.begin(prompt)
        var drafted: [Int] = []
        var position = 0
        var proposal = Proposal()
        while position < answer.count {
            proposal.removeAll()
            let maximum = min(32, answer.count - position - 1)
            if maximum > 0 { drafter.propose(maximum: maximum, beside: .none, into: &proposal) }
            let kept = zip(proposal.tokens, answer[position...]).prefix { $0 == $1 }.count
            drafter.commit(answer[position..<min(position + kept + 1, answer.count)])
            drafter.learn(proposal, accepted: Array(0..<kept), times: nil)
            drafted.append(proposal.tokens.count)
            position += kept + 1
        }
        return drafted
    }

    @Test("measured costs rise with rows, and follow what rounds take")
    func measuring() throws {
        let costs = try Self.costs()
        costs.measure()
        for rows in 1..<40 {
            #expect(costs.verify(rows: rows) > 0 && costs.verify(rows: rows) <= costs.verify(rows: rows + 1))
        }
        Self.teach(costs, slope: 0.5)
        for rows in [1, 4, 16, 32] {
            #expect(abs(costs.verify(rows: rows) * 1000 - (1 + 0.5 * Double(rows - 1))) < 0.6)
        }
    }

    @Test("a further pass is learnt apart from the first")
    func furtherPasses() throws {
        let pair = try TinyPair()
        let costs = try CostTable(verifier: pair.verifier, model: pair.model.diffusion)
        costs.measure()
        #expect(costs.current.draft.count == costs.current.furtherPass.count)
        for _ in 0..<400 {
            costs.observe(draft: 0.003, slots: 2, passes: 1)
            costs.observe(draft: 0.004, slots: 2, passes: 2)
        }
        #expect(abs(costs.draft(slots: 2) * 1000 - 3) < 0.1)
        #expect(abs(costs.draft(slots: 2, passes: 2) * 1000 - 4) < 0.1)
        #expect(abs(costs.draft(slots: 2, passes: 3) * 1000 - 5) < 0.2)
    }

    @Test("a further pass of another process than masking is measured with the step before it, over the most slots")
    func stepsBetweenPasses() throws {
        let pair = try TinyPair("tiny-token-distance")
        let costs = try CostTable(verifier: pair.verifier, model: pair.model.diffusion)
        costs.measure(patience: .infinity)
        // One figure for all numbers of slots.
        #expect(costs.current.draft.count > 1 && costs.current.furtherPass.count == 1)
        #expect(costs.draft(slots: 6, passes: 2) >= costs.draft(slots: 6))
    }

    @Test("text that repeats itself is drafted deep where rows are cheap, and less so where they cost")
    func depth() throws {
        let piece = (0..<40).map { Int32($0) }
        let text = piece + piece + piece
        let costs = try Self.costs()
        Self.teach(costs, slope: 0.02)
        let cheap = run(
            AdaptiveDrafter([Self.text(costs)], costs: costs), prompt: piece,
            answer: text)
        #expect(cheap.max()! >= 20 && cheap.count < 15)
        Self.teach(costs, slope: 0.9)
        let expensive = run(
            AdaptiveDrafter([Self.text(costs)], costs: costs), prompt: piece,
            answer: text)
        #expect(expensive.reduce(0, +) < cheap.reduce(0, +) && expensive.count > cheap.count)
    }

    @Test("an EAGLE drafter is asked for as many tokens as it gets right, and for few where it never does")
    func eagleDepth() throws {
        let answer = (0..<600).map { Int32($0 * 7 % 50) }
        let costs = try Self.costs()
        Self.teach(costs, slope: 0.1)
        func depths(right: Int) -> [Int] {
            let scripted = ScriptedDrafter { committed, maximum in
                answer.dropFirst(committed.count - 1).prefix(maximum).enumerated().map { $0 < right ? $1 : 255 }
            }
            let eagle = EagleCandidate(scripted, costs: costs, experience: EagleExperience(drafts: 16))
            return run(AdaptiveDrafter([eagle], costs: costs), prompt: [0], answer: answer)
        }
        let (all, two, none) = (depths(right: 16), depths(right: 2), depths(right: 0))
        #expect(all.max()! >= 8)
        #expect(two.suffix(60).allSatisfy { $0 <= 3 } && two.suffix(60).reduce(0, +) >= 60)
        #expect(none.suffix(300).reduce(0, +) < 60)
    }

    @Test("drafts that are never right stop, and the next completion begins with that experience")
    func stopping() throws {
        // Tokens come again, and nothing follows them twice but by chance.
        var rng = SplitMix(7)
        let answer = (0..<1200).map { _ in Int32.random(in: 0..<250, using: &rng) }
        let costs = try Self.costs()
        Self.teach(costs, slope: 0.1)
        let experience = TextExperience()
        let drafter = AdaptiveDrafter([Self.text(costs, experience)], costs: costs)
        let rounds = run(drafter, prompt: [1, 2, 3], answer: answer)
        let first = rounds.prefix(300).filter { $0 > 0 }.count
        #expect(first > 20 && rounds.suffix(300).filter { $0 > 0 }.count < first / 3)
        let next = AdaptiveDrafter([Self.text(costs, experience)], costs: costs)
        let later = run(next, prompt: [1, 2, 3], answer: answer)
        #expect(later.prefix(300).filter { $0 > 0 }.count < first / 3)
    }
}
