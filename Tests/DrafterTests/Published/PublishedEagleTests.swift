import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import TestSupport
import Testing

/// EAGLE-3 drafters as llama.cpp's converter writes them: one that borrows the verifier's embedding and head, one with both
/// of its own, a list of the tokens that it drafts, and all norms that there can be.
@Suite struct PublishedEagleTests {
    private static let names = ["tiny-eagle3", "tiny-eagle3-own", "tiny-qwen2-eagle3", "tiny-qwen3-eagle3"]

    private struct Loaded {
        let golden: PublishedDraft
        let verifier: Verifier
        let model: EagleModel
        let states: [Float]

        init(_ name: String, threads: Int = 2, kernels: Kernels? = nil) throws {
            golden = try PublishedDraft(name)
            let checkpoint = try Checkpoint(path: Fixtures.path("\(name).gguf"))
            let config = try EagleConfig(checkpoint)
            (verifier, states) = try golden.verifier(
                taps: config.taps(verifierLayers: 4), threads: threads, kernels: kernels)
            model = try EagleModel(checkpoint, config, for: verifier.target)
        }

        /// What follows the text's token at an index, with the text read some rows at a time.
        func draft(_ anchor: Int, count: Int = 6, piece: Int = 200, _ sampling: DraftSampling = .greedy) -> [Int32] {
            let hidden = model.config.transformer.hidden
            let cache = try! model.makeCache(capacity: golden.tokens.count)
            let state = UnsafeMutablePointer<Float>.allocate(capacity: hidden)
            defer { state.deallocate() }
            let width = states.count / golden.tokens.count
            states.withUnsafeBufferPointer { states in
                for start in stride(from: 0, to: anchor, by: piece) {
                    let end = min(start + piece, anchor)
                    model.read(
                        golden.tokens[start + 1...end], states.baseAddress! + start * width, into: cache,
                        hiddenState: state)
                }
            }
            var tokens: [Int32] = []
            for index in 0..<count {
                tokens.append(model.predict(state, index: index, position: anchor + 1 + index, sampling).token)
                if index + 1 < count { model.advance(tokens[index], into: cache, hiddenState: state) }
            }
            return tokens
        }
    }

    @Test("a file as converted drafts what its definition drafts, and what llama.cpp drafts", arguments: names)
    func parity(_ name: String) throws {
        let loaded = try Loaded(name)
        let peer = try #require(loaded.golden.peer)
        for (who, rounds) in [("numpy", nil), ("llama.cpp", peer)] {
            let result = loaded.golden.compare(isChain: true, with: rounds) { loaded.draft($0) }
            print("\(name): \(result.equal) of \(result.clear) clear tokens, of \(result.all), as in \(who)")
            #expect(result.equal == result.clear)
            #expect(result.clear >= 60)
        }
        #expect(peer.count >= 10 && Set(loaded.golden.drafts.joined()).count > 20)
    }

    @Test(
        "a draft is the same on any number of threads and instruction set, however the text was read", arguments: names)
    func invariance(_ name: String) throws {
        let one = try Loaded(name, threads: 1)
        let anchor = one.golden.prompt + 5
        let samplings: [DraftSampling] = [
            .greedy, .gumbel(temperature: 1, seed: 4), .random(temperature: 1.5, seed: 9),
        ]
        for sampling in samplings {
            let expected = one.draft(anchor, sampling)
            #expect(one.draft(anchor, piece: 7, sampling) == expected)
            for threads in [2, 3] { #expect(try Loaded(name, threads: threads).draft(anchor, sampling) == expected) }
            for kernels in Kernels.available {
                #expect(try Loaded(name, kernels: kernels).draft(anchor, sampling) == expected, "\(kernels.name)")
            }
        }
    }

    @Test("a drafter that follows a text round by round drafts as if it had just read it", arguments: names)
    func rounds(_ name: String) throws {
        let loaded = try Loaded(name)
        let (tokens, prompt) = (loaded.golden.tokens, loaded.golden.prompt)
        let drafter = try EagleDrafter(loaded.model, capacity: 200)
        drafter.begin(Array(tokens[..<prompt]))
        let batch = RowBatch(capacity: tokens.count)
        let cache = try loaded.verifier.makeCache()
        batch.append(tokens, to: cache, logits: .none)
        let pass = loaded.verifier.forward(batch)
        for row in 0..<prompt - 1 { drafter.observe(pass, row: row) }
        var proposal = Proposal()
        var anchor = prompt - 1
        var drafts = 0
        // As if now one token, now three were accepted.
        for kept in [1, 3, 1, 2, 5, 1, 1, 4] where anchor + kept < tokens.count {
            for row in anchor..<anchor + kept { drafter.observe(pass, row: row) }
            drafter.commit(tokens[anchor + 1...anchor + kept])
            anchor += kept
            if kept == 2 { #expect(drafter.injectedCache()?.count == anchor) }
            drafter.propose(maximum: 6, beside: .none, into: &proposal)
            #expect(proposal.tokens == loaded.draft(anchor) && proposal.isChain)
            drafts += 1
        }
        #expect(drafts == 8)
        drafter.propose(maximum: 63, beside: .none, into: &proposal)
        #expect(proposal.tokens.count == EagleConfig.drafts)
        // Another sequence that began alike goes on with what this one knows, once it has seen a row of its own.
        let other = try EagleDrafter(loaded.model, capacity: 200)
        other.begin(Array(tokens[..<100]))
        other.adopt(99, of: try #require(drafter.injectedCache()))
        other.propose(maximum: 6, beside: .none, into: &proposal)
        #expect(proposal.tokens.isEmpty)
        other.observe(pass, row: 99)
        other.commit(tokens[100...100])
        other.propose(maximum: 6, beside: .none, into: &proposal)
        #expect(proposal.tokens == loaded.draft(100))
        // A text longer than the drafter's context ends its drafts.
        let short = try EagleDrafter(loaded.model, capacity: 100)
        short.begin(Array(tokens[..<110]))
        for row in 0..<110 { short.observe(pass, row: row) }
        short.observe(pass, row: 110)
        for _ in 0..<30 { short.observe(pass, row: 110) }
        short.propose(maximum: 6, beside: .none, into: &proposal)
        #expect(proposal.tokens.isEmpty)
    }

    @Test("a file that does not fit its verifier, or asks for what is not computed, is refused by what says so")
    func refusals() throws {
        func refusal(
            _ name: String = "tiny-eagle3", verifier: String = "tiny-target.gguf", _ change: (inout Metadata) -> Void
        ) -> String {
            do {
                try Fixtures.withTemporaryFolder { folder in
                    try Fixtures.write("\(name).gguf", to: folder + "/changed.gguf", change)
                    let checkpoint = try Checkpoint(path: folder + "/changed.gguf")
                    let config = try EagleConfig(checkpoint)
                    let verifier = try Verifier(
                        Checkpoint(path: Fixtures.path(verifier)), taps: config.taps(verifierLayers: 4),
                        kernels: Kernels(), pool: WorkerPool(count: 1))
                    _ = try EagleModel(checkpoint, config, for: verifier.target)
                }
                return "loaded"
            } catch {
                return "\(error)"
            }
        }
        #expect(refusal { _ in } == "loaded")
        #expect(refusal { $0["eagle3.target_layers"] = .array(.int32([1, 2, 4])) } == "loaded")
        #expect(
            refusal { $0["eagle3.target_layers"] = .array(.int32([1, 2, 5])) }.contains("rising layers from 1 to 4"))
        #expect(refusal { $0["eagle3.target_layers"] = .array(.int32([1, 2])) }.contains("target_layers"))
        #expect(refusal { $0["eagle3.target_layers"] = nil }.contains("'eagle3.target_layers' is missing"))
        #expect(refusal { $0["eagle3.target_hidden_size"] = .uint32(32) }.contains("target_hidden_size"))
        #expect(refusal { $0["eagle3.block_count"] = .uint32(2) }.contains("block_count"))
        #expect(refusal { $0["eagle3.norm_before_fc"] = .bool(true) }.contains("enc.output_norm.weight"))
        #expect(refusal("tiny-eagle3-own") { $0["eagle3.norm_before_fc"] = .bool(false) }.contains("enc.output_norm"))
        #expect(refusal { $0["eagle3.attention.scale"] = .float32(0.3) }.contains("attention.scale"))
        #expect(refusal { $0["eagle3.experts"] = .uint32(8) }.contains("experts"))
        #expect(refusal(verifier: "tiny-smollm3.gguf") { _ in }.contains("tokenizer is not the verifier's"))
    }
}
