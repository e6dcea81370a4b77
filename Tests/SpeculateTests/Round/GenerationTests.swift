import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport

@testable import Speculate

/// Generation with the real model.
@Suite struct GenerationTests {
    static let prompts = Result { try Fixtures.lines("prompts.jsonl", as: Fixtures.Prompt.self) }

    static func textDrafter(_ odds: FollowerOdds = FollowerOdds()) -> TextDrafter {
        TextDrafter(odds: odds, memory: TextMemory(vocabulary: 49152, limit: 0))
    }

    func generation(
        _ verifier: Verifier, _ prompt: [Int32], _ options: SamplingOptions, _ rule: AcceptanceRule = .match,
        maximum: Int, stops: [String] = [], depth: Int, drafter: (any Drafter)?
    ) throws -> Generation {
        var settings = GenerationSettings(prompt: prompt, maximumTokens: maximum)
        settings.options = options
        settings.rule = rule
        settings.stops = StopTexts(stops)
        settings.speculation = drafter == nil || depth == 0 ? .none : .lookup(depth: depth)
        let generation = Generation(
            settings, verifier: verifier,
            sampler: Sampler(vocabularySize: verifier.config.vocabulary, kernels: verifier.kernels.table))
        try generation.begin { _, _ in drafter }
        return generation
    }

    func run(
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
            let step = try #require(try generation.plan(batch, rows: batch.capacity))
            text += try generation.absorb(step, verifier.forward(batch)).map(\.text).joined()
        }
        let result = try #require(generation.result)
        #expect(text == result.text)
        let s = result.statistics
        #expect(s.completionTokens == result.tokens.count)
        #expect(s.drafted >= s.draftedAt.reduce(0, +) && s.accepted == s.acceptedAt.reduce(0, +))
        // Each round adds one of the verifier's own tokens, unless the answer ended on a drafted one.
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
                tokens = try two.tokenizer.encode(
                    two.tokenizer.chatTemplate!.render([.init(role: .user, content: prompt.prompt)]))
            }
            let sampled = [
                SamplingOptions(temperature: 0.7, seed: UInt64(index)),
                SamplingOptions(temperature: 1, topK: 40, topP: 0.9, repetitionPenalty: 1.1, seed: UInt64(index)),
            ]
            for options in [SamplingOptions(), sampled[index % 2]] {
                let plain = try run(two, tokens, options)
                // Prompts alternate between the two halves of the cases.
                let halves = [[(one, 0), (two, 4), (one, 8)], [(two, 1), (one, 2), (two, 13)]]
                for (verifier, depth) in halves[index / 2 % 2] {
                    let result = try run(verifier, tokens, options, depth: depth, drafter: Self.textDrafter())
                    #expect(result.tokens == plain.tokens, "\(prompt.id), depth \(depth)")
                    #expect(Array(result.text.utf8) == Array(plain.text.utf8))
                    accepted += result.statistics.accepted
                }
            }
        }
        #expect(accepted > 500)
    }

    /// Each prompt as a user turn and as a text to continue.
    func prompts(_ tokenizer: Tokenizer) throws -> [[Int32]] {
        try Self.prompts.get().flatMap { prompt in
            [
                try tokenizer.encode(tokenizer.chatTemplate!.render([.init(role: .user, content: prompt.prompt)])),
                tokenizer.encode(prompt.prompt),
            ]
        }
    }

    /// Forwards everything, and counts the drafts that are trees with the looked-up text as a branch.
    private final class BranchWatch: Drafter {
        let inner: AdaptiveDrafter
        let lookup = GenerationTests.textDrafter()
        private var found = Proposal()
        private(set) var branches = 0

        init(_ inner: AdaptiveDrafter) { self.inner = inner }

        func begin(_ prompt: [Int32]) {
            inner.begin(prompt)
            lookup.begin(prompt)
        }
        func observe(_ pass: PassResult, row: Int) { inner.observe(pass, row: row) }
        func commit(_ tokens: ArraySlice<Int32>) {
            inner.commit(tokens)
            lookup.commit(tokens)
        }
        func propose(maximum: Int, beside load: PassLoad, into proposal: inout Proposal) {
            inner.propose(maximum: maximum, beside: load, into: &proposal)
            lookup.propose(maximum: 2, beside: load, into: &found)
            guard found.tokens.count == 2, !proposal.isChain else { return }
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
        let config = try DrafterConfig(checkpoint)
        let verifier = try Fixtures.verifier(taps: config.taps(verifierLayers: 30))
        let model = try BlockDiffusionModel(checkpoint, config, for: verifier.target)
        let costs = try CostTable(verifier: verifier, model: model)
        costs.measure()
        for _ in 0..<400 {  // Makes drafting free and rows cheap.
            for rows in 1...16 { costs.observe(verify: (1 + 0.03 * Double(rows - 1)) / 1000, rows: rows) }
            for slots in 1...config.drafts { costs.observe(draft: 1e-6, slots: slots, passes: 1) }
        }
        let experience = DiffusionExperience(drafts: config.drafts)
        let found = TextExperience()
        for turn in 0..<2000 {  // Not good enough to be drafted alone.
            for length in [1, 2, 3, 4, 6, 10, 20, 40] {
                for isOnly in [true, false] {
                    found.odds.learn(
                        .text(length: length, isOnly: isOnly, isFirst: true, isOwn: true),
                        follows: turn.isMultiple(of: 2))
                }
            }
        }
        let diffusion = DiffusionCandidate(
            try BlockDiffusionDrafter(model, capacity: 512), trees: true, costs: costs, experience: experience)
        let lookup = TextCandidate(
            Self.textDrafter(found.odds), trees: true, costs: costs, experience: found)
        let adaptive = AdaptiveDrafter([lookup, diffusion], costs: costs)
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
        let config = try DrafterConfig(checkpoint)
        let two = try Fixtures.verifier(taps: config.taps(verifierLayers: 30))
        let one = try two.sibling(pool: WorkerPool(count: 1))
        let models = try [two, one].map { try BlockDiffusionModel(checkpoint, config, for: $0.target) }
        let costs = try CostTable(verifier: two, model: models[0])
        costs.measure()
        let experience = DiffusionExperience(drafts: config.drafts)
        let found = TextExperience()
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
            // Three numbers of passes, a tree and adaptive speculation, together in the same verifier passes.
            let verifier = [two, one][threads]
            func drafter(passes: Int = 1, tree: TreeGrowth? = nil) throws -> BlockDiffusionDrafter {
                try BlockDiffusionDrafter(
                    models[threads], passes: passes, growth: tree, order: RevealOrder.allCases[index % 3],
                    sampling: rule.drafts(options), capacity: tokens.count + 24)
            }
            let tree = TreeGrowth(tokens: 2 + index % 9, width: 2 + index % 3, depth: 1 + index % 4)
            let diffusion = DiffusionCandidate(try drafter(), trees: true, costs: costs, experience: experience)
            let lookup = TextCandidate(
                Self.textDrafter(found.odds), trees: true, costs: costs, experience: found)
            let adaptive = AdaptiveDrafter([lookup, diffusion], costs: costs)
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
                // Long prompts together may fill a pass before the last one's turn.
                let steps = try active.compactMap { generation in
                    try generation.plan(batch, rows: batch.capacity - batch.rowCount).map { (generation, $0) }
                }
                let pass = verifier.forward(batch)
                for (generation, step) in steps { _ = try generation.absorb(step, pass) }
            }
            for generation in together {
                let result = try #require(generation.result)
                #expect(result.tokens == plain.tokens, "prompt \(index), \(rule), \(threads + 1) threads")
                accepted += result.statistics.accepted
                rounds += result.statistics.rounds
            }
        }
        #expect(accepted > rounds / 10)
    }

    @Test("an answer ends at its length, at an end token inside a draft, and before a stop text across tokens")
    func endings() throws {
        let verifier = try Fixtures.verifier()
        let chat = try verifier.tokenizer.encode(
            verifier.tokenizer.chatTemplate!.render([.init(role: .user, content: "Say hi.")]))
        let whole = try run(verifier, chat, maximum: 200)
        #expect(whole.finishReason == .endOfText)
        #expect(whole.tokens.last == 2 && !whole.text.contains("<|im_end|>"))
        // The drafter knows the end token and drafts beyond it.
        let beyond = ScriptedDrafter { committed, maximum in
            Array((whole.tokens + [5, 6, 7, 8, 9, 10, 11, 12]).dropFirst(committed.count - chat.count).prefix(maximum))
        }
        #expect(try run(verifier, chat, maximum: 200, depth: 8, drafter: beyond).tokens == whole.tokens)

        for length in [1, 2, 5] {
            let cut = try run(verifier, chat, maximum: length, depth: 8, drafter: Self.textDrafter())
            #expect(cut.finishReason == .length)
            #expect(cut.tokens == Array(whole.tokens.prefix(length)))
        }
        let words = whole.text.split(separator: " ")
        let stop = String(words[1].suffix(2) + " " + words[2].prefix(2))
        let stopped = try run(
            verifier, chat, maximum: 200, stops: ["never there", stop], depth: 4, drafter: Self.textDrafter())
        #expect(stopped.finishReason == .stop(stop))
        #expect(stopped.text == String(whole.text[..<whole.text.firstRange(of: stop)!.lowerBound]))
    }
}
