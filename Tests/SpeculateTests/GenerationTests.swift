import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport

@testable import Speculate

/// The loop on the real model.
@Suite(.serialized) struct GenerationTests {
    private static let prompts = Result { try Fixtures.lines("prompts.jsonl", as: Fixtures.Prompt.self) }

    private func generation(
        _ verifier: Verifier, _ prompt: [Int32], _ options: SamplingOptions, _ rule: AcceptanceRule = .match,
        maximum: Int, stops: [String] = [], depth: Int, drafter: (any Drafter)?
    ) throws -> Generation {
        let generation = Generation(
            prompt: prompt, maximumTokens: maximum, options: options, rule: rule, stops: StopTexts(stops),
            speculation: drafter == nil || depth == 0 ? .none : .lookup(depth: depth), verifier: verifier,
            sampler: Sampler(vocabularySize: verifier.config.vocabulary, kernels: verifier.kernels.table))
        try generation.begin { _, _, _ in drafter }
        return generation
    }

    private func run(
        _ verifier: Verifier, _ prompt: [Int32], _ options: SamplingOptions = SamplingOptions(),
        _ rule: AcceptanceRule = .match, maximum: Int = 48, stops: [String] = [], depth: Int = 0,
        drafter: (any Drafter)? = nil
    ) throws -> CompletionResult {
        let generation = try generation(
            verifier, prompt, options, rule, maximum: maximum, stops: stops, depth: depth, drafter: drafter)
        let batch = RowBatch(capacity: Verifier.maximumRows)
        var text = ""
        while generation.result == nil {
            batch.removeAll()
            generation.plan(batch, rows: batch.capacity)
            verifier.forward(batch)
            text += try generation.absorb().map(\.text).joined()
        }
        let result = try #require(generation.result)
        #expect(text == result.text)
        let s = result.statistics
        #expect(s.completionTokens == result.tokens.count)
        #expect(s.drafted >= s.draftedAt.reduce(0, +) && s.accepted == s.acceptedAt.reduce(0, +))
        // Each round brings one token of the verifier's own, unless the answer ended on a drafted one.
        #expect((s.accepted + s.rounds - 1...s.accepted + s.rounds).contains(s.completionTokens))
        return result
    }

    @Test("speculative text is plain text, byte for byte: 60 prompts, greedy and sampled, depths and threads")
    func equality() throws {
        let two = try Fixtures.verifier(threads: 2)
        let one = try two.sibling(pool: WorkerPool(count: 1))
        let prompts = try Self.prompts.get()
        #expect(prompts.count >= 50)
        var accepted = 0
        for (index, prompt) in prompts.enumerated() {
            var tokens = two.tokenizer.encode(prompt.prompt)
            if prompt.category != "continuation" {
                tokens = try two.tokenizer.encode(two.tokenizer.chatTemplate!.render([("user", prompt.prompt)]))
            }
            let sampled = [
                SamplingOptions(temperature: 0.7, seed: UInt64(index)),
                SamplingOptions(temperature: 1, topK: 40, topP: 0.9, repetitionPenalty: 1.1, seed: UInt64(index)),
            ]
            for options in [SamplingOptions(), sampled[index % 2]] {
                let plain = try run(two, tokens, options)
                // Each half of them on every other prompt.
                let halves = [[(one, 0), (two, 4), (one, 8)], [(two, 1), (one, 2), (two, 13)]]
                for (verifier, depth) in halves[index / 2 % 2] {
                    let result = try run(verifier, tokens, options, depth: depth, drafter: PromptLookupDrafter())
                    #expect(result.tokens == plain.tokens, "\(prompt.id), depth \(depth)")
                    #expect(Array(result.text.utf8) == Array(plain.text.utf8))
                    accepted += result.statistics.accepted
                }
            }
        }
        #expect(accepted > 500)
    }

    /// Each prompt as a user's turn and as a text to continue.
    private func prompts(_ tokenizer: Tokenizer) throws -> [[Int32]] {
        try Self.prompts.get().flatMap { prompt in
            [
                try tokenizer.encode(tokenizer.chatTemplate!.render([("user", prompt.prompt)])),
                tokenizer.encode(prompt.prompt),
            ]
        }
    }

    /// Passes everything on, and says of each draft whether it was a tree with the text found as one of its branches.
    private final class BranchWatch: Drafter {
        private let inner: AdaptiveDrafter
        private let lookup = PromptLookupDrafter()
        private var found = Proposal()
        private(set) var branches = 0

        init(_ inner: AdaptiveDrafter) { self.inner = inner }

        func begin(_ prompt: [Int32]) {
            inner.begin(prompt)
            lookup.begin(prompt)
        }
        func observe(_ verifier: Verifier, row: Int) { inner.observe(verifier, row: row) }
        func commit(_ tokens: ArraySlice<Int32>) {
            inner.commit(tokens)
            lookup.commit(tokens)
        }
        func propose(maximum: Int, into proposal: inout Proposal) {
            inner.propose(maximum: maximum, into: &proposal)
            lookup.propose(maximum: 4, into: &found)
            guard found.tokens.count == 4, !proposal.isChain else { return }
            var place: Int? = -1
            for token in found.tokens { place = place.flatMap { proposal.child(of: $0, token) } }
            if place != nil { branches += 1 }
        }
        func learn(_ proposal: Proposal, accepted: [Int], times: RoundTimes?) {
            inner.learn(proposal, accepted: accepted, times: times)
        }
    }

    @Test("text that was there before becomes a branch of the diffusion model's tree; the answer stays the same")
    func branches() throws {
        let checkpoint = try Checkpoint(path: Fixtures.drafterPath)
        let config = try DrafterConfig(checkpoint.metadata)
        let verifier = try Fixtures.verifier(taps: config.taps(verifierLayers: 30))
        let model = try BlockDiffusionModel(checkpoint, config, for: verifier)
        let costs = try CostTable(verifier: verifier, model: model)
        _ = costs.current
        for _ in 0..<400 {  // Drafts of the model for nothing, and rows for little.
            for rows in 1...16 { costs.observe(verify: (1 + 0.03 * Double(rows - 1)) / 1000, rows: rows) }
            for slots in 1...config.drafts { costs.observe(draft: 1e-6, slots: slots, passes: 1) }
        }
        var experience = Experience(drafts: config.drafts)
        // Not enough to be drafted alone.
        experience.found = experience.found.map { _ in .init(first: 0.5, agreed: 0.75, beside: 0.25, next: 0.75) }
        let adaptive = AdaptiveDrafter(
            try BlockDiffusionDrafter(model, capacity: 512), trees: true, costs: costs, experience: experience)
        let watch = BranchWatch(adaptive)
        let poem = "The quick brown fox jumps over the lazy dog while the small grey cat sleeps under an old oak tree."
        let prompt = verifier.tokenizer.encode("\(poem)\n\(poem)\n\(poem)\n")
        let plain = try run(verifier, prompt, maximum: 96)
        let drafted = try run(verifier, prompt, maximum: 96, depth: 32, drafter: watch)
        #expect(drafted.text == plain.text)
        #expect(watch.branches > 0)
    }

    @Test(
        "with the diffusion drafter too: 120 prompts; greedy, match and coupled; passes, depths, threads and neighbours"
    )
    func diffusionEquality() throws {
        let checkpoint = try Checkpoint(path: Fixtures.drafterPath)
        let config = try DrafterConfig(checkpoint.metadata)
        let two = try Fixtures.verifier(taps: config.taps(verifierLayers: 30))
        let one = try two.sibling(pool: WorkerPool(count: 1))
        let models = try [two, one].map { try BlockDiffusionModel(checkpoint, config, for: $0) }
        let costs = try CostTable(verifier: two, model: models[0])
        _ = costs.current
        var experience = Experience(drafts: config.drafts)
        let prompts = try prompts(two.tokenizer)
        #expect(prompts.count >= 100)
        let batch = RowBatch(capacity: Verifier.maximumRows)
        var accepted = 0
        var rounds = 0
        for (index, tokens) in prompts.enumerated() {
            let seed = UInt64(index)
            let options = [
                SamplingOptions(), SamplingOptions(temperature: 0.9, seed: seed),
                index % 5 == 0 ? SamplingOptions(temperature: 0.9, topP: 0.95, seed: seed) : SamplingOptions(),
            ][index % 3]
            let rule: AcceptanceRule = options.temperature == 0 ? .greedy : index % 4 < 2 ? .coupled : .match
            let plain = try run(two, tokens, options, rule, maximum: 24)
            let threads = index / 2 % 2
            // Three numbers of passes, a tree and the adaptive choice side by side in the same verifier passes.
            let verifier = [two, one][threads]
            func drafter(passes: Int = 1, tree: TreeGrowth? = nil) throws -> BlockDiffusionDrafter {
                try BlockDiffusionDrafter(
                    models[threads], passes: passes, growth: tree, order: RevealOrder.allCases[index % 3],
                    sampling: rule.drafts(options), capacity: tokens.count + 24)
            }
            let tree = TreeGrowth(tokens: 2 + index % 9, width: 2 + index % 3, depth: 1 + index % 4)
            let adaptive = AdaptiveDrafter(try drafter(), trees: true, costs: costs, experience: experience)
            let drafters: [any Drafter] =
                try [1, 2, 4].map { try drafter(passes: $0) } + [drafter(tree: tree), adaptive]
            let together = try drafters.enumerated().map { place, drafter in
                try generation(
                    verifier, tokens, options, rule, maximum: 24,
                    depth: place < 3 ? [1, 2, 3, 5, 8][(index + place) % 5] : 16, drafter: drafter)
            }
            while together.contains(where: { $0.result == nil }) {
                let active = together.filter { $0.result == nil }
                batch.removeAll()
                for generation in active { generation.plan(batch, rows: batch.capacity - batch.rowCount) }
                verifier.forward(batch)
                for generation in active { _ = try generation.absorb() }
            }
            for generation in together {
                let result = try #require(generation.result)
                #expect(result.tokens == plain.tokens, "prompt \(index), \(rule), \(threads + 1) threads")
                accepted += result.statistics.accepted
                rounds += result.statistics.rounds
            }
            experience = adaptive.experience
        }
        #expect(accepted > rounds / 10)
    }

    @Test("every rule gives the first tokens their distribution: χ² and total variation on a tiny model, fixed seeds")
    func distributions() throws {
        let pair = try TinyPair()
        let (verifier, model) = (pair.verifier, pair.model)
        let prompt: [Int32] = [5, 9, 2, 14]
        // Cold enough that a few tokens hold most of the mass.
        var options = SamplingOptions(temperature: 0.4)
        let sampler = Sampler(vocabularySize: verifier.config.vocabulary, kernels: verifier.kernels.table)
        func distribution(after tokens: [Int32]) throws -> [Double] {
            let batch = RowBatch(capacity: 16)
            batch.append(prompt + tokens, to: try verifier.makeCache(capacity: 16), logits: .last)
            verifier.forward(batch)
            return try sampler.probabilities(verifier.logits(0), options, history: TokenHistory())
        }
        let first = try distribution(after: [])
        let likely = first.indices.sorted { first[$0] > first[$1] }.prefix(6)
        var exact: [[Int32]: Double] = [:]
        for token in likely {
            for (next, probability) in try distribution(after: [Int32(token)]).enumerated() {
                exact[[Int32(token), Int32(next)]] = first[token] * probability
            }
        }
        exact = exact.filter { $0.value > 0.004 }
        let rest = 1 - exact.values.reduce(0, +)
        #expect(exact.count >= 5)

        let draws = 3000
        for rule in [AcceptanceRule.match, .coupled, .rejection, .block] {
            for passes in [1, 2] {
                var counts: [[Int32]: Int] = [:]
                var drafted = 0
                for seed in 0..<draws {
                    options.seed = UInt64(seed)
                    let drafter = try BlockDiffusionDrafter(
                        model, passes: passes, sampling: rule.drafts(options), capacity: 16)
                    let result = try run(verifier, prompt, options, rule, maximum: 3, depth: 2, drafter: drafter)
                    guard result.tokens.count >= 2 else { continue }
                    counts[Array(result.tokens.prefix(2)), default: 0] += 1
                    drafted += result.statistics.drafted
                }
                #expect(drafted >= draws)
                let others = draws - exact.keys.reduce(0) { $0 + (counts[$1] ?? 0) }
                let cells = exact.map { ($0.value, counts[$0.key] ?? 0) } + [(rest, others)]
                let statistic = cells.reduce(0.0) { sum, cell in
                    let expected = cell.0 * Double(draws)
                    return sum + (Double(cell.1) - expected) * (Double(cell.1) - expected) / expected
                }
                let freedom = Double(cells.count - 1)
                #expect(statistic < freedom + 4.5 * (2 * freedom).squareRoot(), "\(rule), \(passes) passes")
                // The expected distance of fair counts, and as much again.
                let variation = cells.reduce(0) { $0 + abs($1.0 - Double($1.1) / Double(draws)) } / 2
                let fair = cells.reduce(0) { $0 + ($1.0 / Double(draws)).squareRoot() } / 2
                #expect(variation < 2 * fair, "\(rule), \(passes) passes")
            }
        }
    }

    @Test("a drafter that knows the answer is accepted whole; one that is always wrong costs only rounds")
    func scripted() throws {
        let verifier = try Fixtures.verifier()
        let prompt = verifier.tokenizer.encode("Once upon a time, in a village by the sea,")
        for options in [SamplingOptions(), SamplingOptions(temperature: 1, seed: 5)] {
            let plain = try run(verifier, prompt, options, maximum: 40)
            let answer = plain.tokens
            let knowing = ScriptedDrafter { committed, maximum in
                Array(answer.dropFirst(committed.count - prompt.count).prefix(maximum))
            }
            let right = try run(verifier, prompt, options, maximum: 40, depth: 7, drafter: knowing)
            #expect(right.tokens == answer)
            #expect(right.statistics.rounds == (answer.count + 7) / 8)
            #expect(right.statistics.accepted == right.statistics.drafted)
            let wrong = ScriptedDrafter { committed, maximum in
                answer.dropFirst(committed.count - prompt.count).prefix(maximum).map { ($0 + 1) % 49152 }
            }
            let never = try run(verifier, prompt, options, maximum: 40, depth: 7, drafter: wrong)
            #expect(never.tokens == answer)
            #expect(never.statistics.accepted == 0 && never.statistics.rounds == answer.count)
            let silent = try run(
                verifier, prompt, options, maximum: 40, depth: 7, drafter: ScriptedDrafter { _, _ in [] })
            #expect(silent.tokens == answer && silent.statistics.drafted == 0)
        }
    }

    @Test("an answer ends at its length, at an end token inside a draft, and before a stop text across tokens")
    func endings() throws {
        let verifier = try Fixtures.verifier()
        let chat = try verifier.tokenizer.encode(verifier.tokenizer.chatTemplate!.render([("user", "Say hi.")]))
        let whole = try run(verifier, chat, maximum: 200)
        #expect(whole.finishReason == .endOfText)
        #expect(whole.tokens.last == 2 && !whole.text.contains("<|im_end|>"))
        // The drafter knows the end token and continues beyond it.
        let beyond = ScriptedDrafter { committed, maximum in
            Array((whole.tokens + [5, 6, 7, 8, 9, 10, 11, 12]).dropFirst(committed.count - chat.count).prefix(maximum))
        }
        #expect(try run(verifier, chat, maximum: 200, depth: 8, drafter: beyond).tokens == whole.tokens)

        for length in [1, 2, 5] {
            let cut = try run(verifier, chat, maximum: length, depth: 8, drafter: PromptLookupDrafter())
            #expect(cut.finishReason == .length)
            #expect(cut.tokens == Array(whole.tokens.prefix(length)))
        }
        let words = whole.text.split(separator: " ")
        let stop = String(words[1].suffix(2) + " " + words[2].prefix(2))
        let stopped = try run(
            verifier, chat, maximum: 200, stops: ["never there", stop], depth: 4, drafter: PromptLookupDrafter())
        #expect(stopped.finishReason == .stop(stop))
        #expect(stopped.text == String(whole.text[..<whole.text.firstRange(of: stop)!.lowerBound]))
    }
}
