import Foundation
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import TestSupport
import Testing

@Suite struct BlockDiffusionTests {
    @Test("drafts, confidences and logits are PyTorch's, for every number of passes and order of revealing")
    func parity() throws {
        let tiny = try TinyDrafter()
        var worst: Float = 0
        for golden in tiny.golden.cases {
            let cache = tiny.cache(holding: golden.anchor)
            let block = DraftBlock()
            block.reset(count: golden.tokens.count)
            tiny.model.denoise(
                block, anchor: tiny.golden.tokens[golden.anchor], cache: cache,
                schedule: tiny.model.config.schedule(passes: golden.passes, count: golden.tokens.count),
                order: try #require(RevealOrder(rawValue: golden.order)))
            let name: Comment = "anchor \(golden.anchor), \(golden.passes) passes, \(golden.order)"
            #expect(block.tokens == golden.tokens, name)
            #expect(block.isRevealed == golden.revealed, name)
            for (logits, expected) in zip(tiny.logits(block.count).joined(), golden.logits) {
                worst = max(worst, abs(logits - expected))
            }
            for (index, expected) in golden.confidences.enumerated() where !block.isRevealed[index] {
                #expect(abs(block.confidences[index] - expected) < 0.002, name)
            }
        }
        // Keys and values are 16-bit floats, everything else here 32-bit; logits are of size 10.
        #expect(worst < 0.02)
    }

    @Test("a draft has the same bits on any number of threads and instruction set, however its states were injected")
    func invariance() throws {
        let anchor = 45
        func draft(_ tiny: TinyDrafter, piece: Int) -> ([[Float]], [Int32], [Float]) {
            let block = DraftBlock()
            block.reset(count: 8)
            tiny.model.denoise(
                block, anchor: tiny.golden.tokens[anchor], cache: tiny.cache(holding: anchor, piece: piece),
                schedule: [2])
            return (tiny.logits(8), block.tokens, block.confidences)
        }
        let expected = draft(try TinyDrafter(threads: 1), piece: 100)
        for threads in 1...3 {
            let tiny = try TinyDrafter(threads: threads)
            for piece in [1, 2, 7, 44] { #expect(draft(tiny, piece: piece) == expected) }
        }
        for kernels in Kernels.available {
            #expect(draft(try TinyDrafter(kernels: kernels), piece: 9) == expected, "\(kernels.name)")
        }
    }

    @Test(
        "a tree of width one is the chain; wider ones hold the likeliest followers, best first, with distributions"
    )
    func trees() throws {
        let tiny = try TinyDrafter()
        let anchor = tiny.golden.tokens[40]
        let cache = tiny.cache(holding: 40)
        let block = DraftBlock()
        block.reset(count: 5)
        tiny.model.denoise(block, anchor: anchor, cache: cache)
        var chain = Proposal()
        tiny.model.grow(
            TreeGrowth(tokens: 5, width: 1, depth: 5), anchor: anchor, cache: cache, sampling: .greedy, into: &chain)
        #expect(chain.tokens == block.tokens && chain.isChain && chain.depth == 5)

        block.reset(count: 4)  // As many slots as the tree is deep, since slots see each other.
        tiny.model.denoise(block, anchor: anchor, cache: cache)
        let first = tiny.logits(1)[0]
        var tree = Proposal()
        var growth = TreeGrowth(tokens: 12, width: 3, depth: 4)
        tiny.model.grow(growth, anchor: anchor, cache: cache, sampling: .greedy, into: &tree)
        #expect(tree.tokens.count == 12 && tree.depth <= 4)
        // The anchor's children are the likeliest tokens of the first distribution, with its probabilities.
        let roots = tree.tokens.indices.filter { tree.parents[$0] == -1 }
        let total = first.reduce(0.0) { $0 + exp(Double($1)) }
        let best = first.indices.sorted { first[$0] > first[$1] }
        for (rank, root) in roots.enumerated() {
            #expect(tree.tokens[root] == tiny.model.draftTokens[best[rank]])
            #expect(abs(Double(tree.confidences[root]) - exp(Double(first[best[rank]])) / total) < 1e-4)
        }
        for index in tree.tokens.indices {
            let parent = tree.parents[index]
            #expect(parent < index)
            if parent >= 0 { #expect(tree.confidences[index] <= tree.confidences[parent]) }
            #expect(tree.tokens.indices.filter { tree.parents[$0] == parent }.count <= 3)
            #expect(tree.child(of: parent, tree.tokens[index]) == index)
        }
        #expect(zip(tree.confidences, tree.confidences.dropFirst()).allSatisfy { $0 >= $1 })

        growth.threshold = { $0 < 2 ? 0 : 2 }
        var cut = Proposal()
        tiny.model.grow(growth, anchor: anchor, cache: cache, sampling: .greedy, into: &cut)
        #expect(cut.tokens == Array(tree.tokens.prefix(2)))
        growth.threshold = { _ in 0 }
        growth.calibration = [0.5]
        var halved = Proposal()
        tiny.model.grow(growth, anchor: anchor, cache: cache, sampling: .greedy, into: &halved)
        #expect(abs(halved.confidences[0] - tree.confidences[0] / 2) < 1e-6)
    }

    @Test("a cache rolled back and filled again drafts as if nothing had been there")
    func rollback() throws {
        let tiny = try TinyDrafter()
        let block = DraftBlock()
        func draft(_ cache: KVCache) -> [[Float]] {
            block.reset(count: 8)
            tiny.model.denoise(block, anchor: tiny.golden.tokens[30], cache: cache)
            return tiny.logits(8)
        }
        let expected = draft(tiny.cache(holding: 30))
        let cache = tiny.cache(holding: 50)
        _ = draft(cache)
        cache.rollback(to: 12)
        tiny.golden.states.withUnsafeBufferPointer {
            tiny.model.inject($0.baseAddress! + 12 * tiny.width, count: 18, into: cache)
        }
        #expect(draft(cache) == expected)
    }

    @Test(
        "a sampled token follows the distribution that is reported for it, which is the softmax of its logits"
    )
    func distributions() throws {
        let tiny = try TinyDrafter()
        let cache = tiny.cache(holding: 20)
        let block = DraftBlock()
        let size = tiny.model.draftVocabulary
        var counts = [Int](repeating: 0, count: size)
        var distribution: [Double] = []
        let draws = 4000
        for seed in 0..<draws {
            let sampling = DraftSampling.random(temperature: 1.5, seed: UInt64(seed))
            block.reset(count: 3)
            tiny.model.denoise(block, anchor: tiny.golden.tokens[20], cache: cache, sampling: sampling)
            for index in 0..<3 {
                let reported = try #require(tiny.model.distribution(at: index, of: block, sampling))
                let probabilities = tiny.model.draftTokens.map { reported.probability(of: $0) }
                let logits = tiny.logits(3)[index]
                let weights = logits.map { exp(Double($0 - logits.max()!) / 1.5) }
                let total = weights.reduce(0, +)
                for (p, w) in zip(probabilities, weights) { #expect(abs(p - w / total) < 1e-5) }
                if index == 0 { distribution = probabilities }
            }
            counts[try #require(tiny.model.draftTokens.firstIndex(of: block.tokens[0]))] += 1
        }
        // Pearson's statistic over the tokens expected at least five times; its mean is their number.
        var statistic = 0.0
        var cells = 0
        for (count, p) in zip(counts, distribution) where p * Double(draws) >= 5 {
            let expected = p * Double(draws)
            statistic += (Double(count) - expected) * (Double(count) - expected) / expected
            cells += 1
        }
        #expect(cells > 5)
        #expect(statistic < Double(cells) + 4 * (2 * Double(cells)).squareRoot())
    }

    @Test("a fixed token stays, shapes what is before it, and is a point mass")
    func infilling() throws {
        let tiny = try TinyDrafter()
        let cache = tiny.cache(holding: 20)
        let block = DraftBlock()
        let sampling = DraftSampling.random(temperature: 1, seed: 7)
        var firsts: Set<[Float]> = []
        for token: Int32 in [3, 9, 27] {
            block.reset(count: 6)
            block.fix(token, at: 3)
            tiny.model.denoise(
                block, anchor: tiny.golden.tokens[20], cache: cache, schedule: [2, 4], order: .random,
                sampling: sampling,
                seed: 5)
            #expect(block.tokens[3] == token)
            #expect(tiny.model.distribution(at: 3, of: block, sampling) == nil)
            firsts.insert(tiny.logits(1)[0])
        }
        #expect(firsts.count == 3)
    }

    @Test("every order of revealing keeps to its schedule", arguments: RevealOrder.allCases)
    func schedule(_ order: RevealOrder) throws {
        let tiny = try TinyDrafter()
        let block = DraftBlock()
        block.reset(count: 8)
        var revealed: [Int] = []
        var kept: [Int: Int32] = [:]
        tiny.model.denoise(
            block, anchor: tiny.golden.tokens[20], cache: tiny.cache(holding: 20), schedule: [1, 2, 4], order: order
        ) { block in
            for (index, token) in kept { #expect(block.tokens[index] == token) }
            for index in 0..<8 where block.isRevealed[index] { kept[index] = block.tokens[index] }
            revealed.append(block.isRevealed.filter { $0 }.count)
        }
        #expect(revealed == [0, 1, 2, 4])
        if order == .leftToRight { #expect(block.isRevealed == (0..<8).map { $0 < 4 }) }
    }
}
