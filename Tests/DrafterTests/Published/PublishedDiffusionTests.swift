import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import TestSupport
import Testing

/// Drafters as llama.cpp's converter writes published ones.
@Suite struct PublishedDiffusionTests {
    private static let names = [
        "tiny-dflash", "tiny-dflash-keys", "tiny-dflash2", "tiny-dspark", "tiny-qwen2-dflash", "tiny-qwen2-dflash2",
        "tiny-qwen2-dspark", "tiny-qwen3-dflash", "tiny-qwen3-dflash2", "tiny-qwen3-dspark",
    ]

    /// What llama.cpp cannot read.
    private static let own = ["tiny-dspark-selector", "tiny-dspark-conv"]

    /// Whether a selector or a Markov head reads the drafted token before.
    private func isChain(_ name: String) -> Bool { name.contains("dflash2") || name.contains("dspark") }

    /// What the drafter drafts after the text's token at an index.
    private func drafting(
        _ name: String, threads: Int = 2, kernels: Kernels? = nil
    ) throws -> (PublishedDraft, (Int) -> [Int32]) {
        let (golden, model, cache) = try model(name, threads: threads, kernels: kernels)
        return (
            golden,
            { anchor in
                let block = DraftBlock()
                block.reset(count: model.config.drafts)
                model.denoise(block, anchor: golden.tokens[anchor], cache: cache(anchor))
                return block.tokens
            }
        )
    }

    /// The model, and a cache with the text's first tokens.
    private func model(
        _ name: String, threads: Int = 2, kernels: Kernels? = nil
    ) throws -> (PublishedDraft, BlockDiffusionModel, (_ count: Int) -> KVCache) {
        let golden = try PublishedDraft(name)
        let checkpoint = try Checkpoint(path: Fixtures.path("\(name).gguf"))
        let config = try DrafterConfig(checkpoint)
        let (verifier, states) = try golden.verifier(
            taps: config.taps(verifierLayers: 4), threads: threads, kernels: kernels)
        let model = try BlockDiffusionModel(checkpoint, config, for: verifier.target)
        let cache = try model.makeCache(capacity: golden.tokens.count)
        return (
            golden, model,
            { count in
                cache.rollback(to: 0)
                states.withUnsafeBufferPointer { model.inject($0.baseAddress!, count: count, into: cache) }
                return cache
            }
        )
    }

    @Test(
        "a file as converted drafts what its definition drafts, the first token from the slot after the anchor's",
        arguments: names + own)
    func parity(_ name: String) throws {
        let (golden, draft) = try drafting(name)
        let result = golden.compare(isChain: isChain(name), draft)
        print("\(name): \(result.equal) of \(result.clear) clear tokens, of \(result.all), as in numpy")
        #expect(result.equal == result.clear)
        #expect(result.clear >= 60)
        #expect(Set(golden.drafts.joined()).count > 10)
    }

    @Test(
        "a file as converted drafts what llama.cpp drafts",
        arguments: names)
    func peer(_ name: String) throws {
        let (golden, draft) = try drafting(name)
        let rounds = try #require(golden.peer)
        let result = golden.compare(isChain: isChain(name), with: rounds, draft)
        print("\(name): \(result.equal) of \(result.clear) clear tokens, of \(result.all), as in llama.cpp")
        #expect(result.equal == result.clear)
        #expect(rounds.count >= 10 && result.clear >= 60)
    }

    @Test(
        "a selector's drafts have the same bits on any number of threads and instruction set; a narrow tree is the chain"
    )
    func invariance() throws {
        let (golden, draft) = try drafting("tiny-dflash2", threads: 1)
        let anchors = Array(golden.prompt..<golden.prompt + 6)
        let expected = anchors.map(draft)
        for threads in [2, 3] {
            let (_, other) = try drafting("tiny-dflash2", threads: threads)
            #expect(anchors.map(other) == expected)
        }
        for kernels in Kernels.available {
            let (_, other) = try drafting("tiny-dflash2", kernels: kernels)
            #expect(anchors.map(other) == expected, "\(kernels.name)")
        }
        for threads in [1, 2] {
            let (_, model, cache) = try model("tiny-dflash2", threads: threads)
            for (anchor, chain) in zip(anchors, expected) {
                var tree = Proposal()
                model.grow(
                    TreeGrowth(tokens: 7, width: 1, depth: 7), anchor: golden.tokens[anchor], cache: cache(anchor),
                    sampling: .greedy, into: &tree)
                #expect(tree.tokens == chain && tree.isChain)
            }
        }
    }

    @Test("a selector's drawn tokens have the distribution that it names, each given those before it")
    func selectorDistribution() throws {
        let (golden, model, filled) = try model("tiny-dflash2")
        let (anchor, draws) = (golden.prompt + 3, 6000)
        let cache = filled(anchor)
        var first: [Int32: Double] = [:]
        var second: [Int32: [Int32: Double]] = [:]
        var counts: [[Int32]: Int] = [:]
        for seed in 0..<draws {
            let sampling = DraftSampling.random(temperature: 2, seed: UInt64(seed))
            let block = DraftBlock()
            block.reset(count: 2)
            model.denoise(block, anchor: golden.tokens[anchor], cache: cache, sampling: sampling)
            try #require(model.distribution(at: 0, of: block, sampling)).forEach { first[$0] = $1 }
            var next: [Int32: Double] = [:]
            try #require(model.distribution(at: 1, of: block, sampling)).forEach { next[$0] = $1 }
            // The token before decides it, and nothing else.
            if let known = second[block.tokens[0]] { #expect(known == next) }
            second[block.tokens[0]] = next
            counts[block.tokens, default: 0] += 1
        }
        #expect(first.count == 6 && abs(first.values.reduce(0, +) - 1) < 1e-5)
        #expect(Set(second.values.map { $0.values.max()! }).count > 1)
        var (statistic, cells) = (0.0, 0)
        for (token, probability) in first {
            for (next, conditional) in second[token] ?? [:] {
                let expected = Double(draws) * probability * conditional
                guard expected >= 5 else { continue }
                let count = Double(counts[[token, next]] ?? 0)
                statistic += (count - expected) * (count - expected) / expected
                cells += 1
            }
        }
        #expect(cells > 5)
        #expect(statistic < Double(cells) + 4 * (2 * Double(cells)).squareRoot())
    }
}
