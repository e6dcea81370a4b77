import Speculate
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport

/// The loop on the real model.
@Suite(.serialized) struct GenerationTests {
    private static let prompts = Result { try Fixtures.lines("prompts.jsonl", as: Fixtures.Prompt.self) }

    private func run(
        _ verifier: Verifier, _ prompt: [Int32], _ options: SamplingOptions = SamplingOptions(), maximum: Int = 48,
        stops: [String] = [], depth: Int = 0, drafter: (any Drafter)? = nil
    ) throws -> CompletionResult {
        let generation = Generation(
            prompt: prompt, maximumTokens: maximum, options: options, stops: stops, depth: depth, verifier: verifier,
            sampler: Sampler(vocabularySize: verifier.config.vocabulary, kernels: verifier.kernels.table),
            drafter: drafter)
        let batch = RowBatch(capacity: Verifier.maximumRows)
        var text = ""
        while generation.result == nil { text += try generation.advance(batch).map(\.text).joined() }
        let result = try #require(generation.result)
        #expect(text == result.text)
        let s = result.statistics
        #expect(s.completionTokens == result.tokens.count)
        #expect(s.drafted == s.draftedAt.reduce(0, +) && s.accepted == s.acceptedAt.reduce(0, +))
        // Each round brings one token of the verifier's own, unless the answer ended on a drafted one.
        #expect((s.accepted + s.rounds - 1...s.accepted + s.rounds).contains(s.completionTokens))
        return result
    }

    @Test("speculative text is plain text, byte for byte: 60 prompts, greedy and sampled, depths and threads")
    func equality() throws {
        let two = try Fixtures.verifier(threads: 2)
        let one = two.sibling(pool: WorkerPool(count: 1))
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
                for (verifier, depth) in [(one, 0), (two, 1), (one, 2), (two, 4), (one, 8), (two, 13)] {
                    let result = try run(verifier, tokens, options, depth: depth, drafter: PromptLookupDrafter())
                    #expect(result.tokens == plain.tokens, "\(prompt.id), depth \(depth)")
                    #expect(Array(result.text.utf8) == Array(plain.text.utf8))
                    accepted += result.statistics.accepted
                }
            }
        }
        #expect(accepted > 1000)
    }

    @Test("with the diffusion drafter too: every number of passes and depth, greedy and sampled, at most 64 tokens")
    func diffusionEquality() throws {
        let checkpoint = try Checkpoint(path: Fixtures.drafterPath)
        let config = try DrafterConfig(checkpoint.metadata)
        let verifier = try Fixtures.verifier(taps: config.taps(verifierLayers: 30))
        let model = try BlockDiffusionModel(checkpoint, config, for: verifier)
        var accepted = 0
        var rounds = 0
        for (index, prompt) in try Self.prompts.get().enumerated() {
            let tokens =
                prompt.category == "continuation"
                ? verifier.tokenizer.encode(prompt.prompt)
                : try verifier.tokenizer.encode(verifier.tokenizer.chatTemplate!.render([("user", prompt.prompt)]))
            let options = index % 3 == 2 ? SamplingOptions(temperature: 1, seed: UInt64(index)) : SamplingOptions()
            let plain = try run(verifier, tokens, options, maximum: 64)
            for passes in [1, 2, 4] {
                let depth = [1, 2, 3, 5, 8][(index + passes) % 5]
                let sampling: DraftSampling =
                    index % 4 == 3 ? .random(temperature: 0.8, seed: UInt64(index)) : .greedy
                let order = RevealOrder.allCases[index % 3]
                let drafter = BlockDiffusionDrafter(
                    model, passes: passes, order: order, sampling: sampling, capacity: tokens.count + 64)
                let result = try run(verifier, tokens, options, maximum: 64, depth: depth, drafter: drafter)
                #expect(result.tokens == plain.tokens, "\(prompt.id), depth \(depth), \(passes) passes")
                accepted += result.statistics.accepted
                rounds += result.statistics.rounds
            }
        }
        #expect(accepted > rounds / 10)
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
        // The drafter knows the end token and goes on beyond it.
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
