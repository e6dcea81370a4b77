import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import TestSupport
import Testing

@Suite struct DrafterRefusalTests {
    /// Loads a tiny drafter's file with changed metadata.
    private func loading(
        _ drafter: String = "tiny-drafter", verifier name: String = "tiny-qwen3.gguf",
        _ change: (inout Metadata) -> Void
    ) throws -> BlockDiffusionModel {
        try Fixtures.withTemporaryFolder { folder in
            try Fixtures.write("\(drafter).gguf", to: folder + "/changed.gguf", change)
            let checkpoint = try Checkpoint(path: folder + "/changed.gguf")
            let config = try DrafterConfig(checkpoint)
            let file = try Checkpoint(path: Fixtures.path(name))
            let layers = try file.metadata.integer(
                "\(try file.metadata.string("general.architecture")).block_count", in: 1...99)
            let verifier = try Verifier(
                file, taps: config.taps(verifierLayers: layers), kernels: Kernels(), pool: WorkerPool(count: 1))
            return try BlockDiffusionModel(checkpoint, config, for: verifier.target)
        }
    }

    private func refusal(
        _ drafter: String = "tiny-drafter", verifier: String = "tiny-qwen3.gguf",
        change: (inout Metadata) -> Void = { _ in }
    ) -> String {
        do {
            _ = try loading(drafter, verifier: verifier, change)
            return "loaded"
        } catch {
            return "\(error)"
        }
    }

    private static func change(_ metadata: inout Metadata, _ body: (inout [[UInt8]]) -> Void) {
        guard case .array(.string(let tokens)) = metadata["tokenizer.ggml.tokens"] else { return }
        var list = tokens.map { Array($0) }
        body(&list)
        var changed = ByteStrings()
        for token in list { changed.append(token) }
        metadata["tokenizer.ggml.tokens"] = .array(.string(changed))
    }

    @Test("the least blocks that can be are drafted: two slots of which one drafts")
    func leastBlock() throws {
        let model = try loading {
            $0["dflash.block_size"] = .uint32(2)
            $0["dflash.sample_from_anchor"] = .bool(false)
            for passes in 2...8 { $0["speculate.schedule.\(passes)"] = nil }
        }
        let drafter = try BlockDiffusionDrafter(model, capacity: 8)
        drafter.begin([1, 2])
        var proposal = Proposal()
        drafter.propose(maximum: 8, beside: .none, into: &proposal)
        #expect(proposal.tokens.count == 1)
    }

    @Test("the file as it is loads")
    func sound() { #expect(refusal() == "loaded") }

    @Test("a drafter for another verifier is refused with the reason")
    func otherVerifier() {
        #expect(
            refusal { $0["speculate.verifier.fingerprint"] = .string(Array("0123456789abcdef".utf8)) }
                .contains("drafts for other weights"))
        #expect(
            refusal {
                guard case .array(.string(let tokens)) = $0["tokenizer.ggml.tokens"] else { return }
                var changed = ByteStrings()
                for token in tokens.dropLast() { changed.append(token) }
                changed.append("another".utf8)
                $0["tokenizer.ggml.tokens"] = .array(.string(changed))
            }.contains("tokenizer is not the verifier's"))
        #expect(
            refusal { metadata in
                // The same bytes, split differently.
                Self.change(&metadata) { tokens in
                    let (first, second) = (Array(tokens[40]), Array(tokens[41]))
                    tokens[40] = first + second.prefix(1)
                    tokens[41] = Array(second.dropFirst())
                }
            }.contains("tokenizer is not the verifier's"))
        #expect(
            refusal {
                Self.change(&$0) { $0.append(Array("one more".utf8)) }
                $0["dflash.vocab_size"] = nil
            }.contains("expected the verifier's"))
        #expect(refusal { Self.change(&$0) { $0.removeAll() } }.contains("tokenizer.ggml.tokens"))
        #expect(refusal { $0["dflash.embedding_length"] = .uint32(96) }.contains("embedding_length"))
        #expect(refusal { $0["dflash.target_layers"] = .array(.int32([1, 40])) }.contains("target_layers"))
        #expect(refusal { $0["dflash.target_layers"] = .array(.int32([0, 1])) }.contains("target_layers"))
    }

    @Test("a file that is no drafter, or asks for what is not computed, is refused by the key that says so")
    func unsupported() {
        #expect(refusal { $0["general.architecture"] = .string(Array("llama".utf8)) }.contains("'dflash', a drafter"))
        #expect(refusal { $0["dflash.attention.causal"] = .bool(true) }.contains("attention.causal"))
        #expect(refusal { $0["dflash.block_size"] = .uint32(1) }.contains("block_size"))
        #expect(refusal { $0["tokenizer.ggml.eos_token_id"] = .uint32(.max) }.contains("eos_token_id"))
        #expect(refusal { $0["dflash.vocab_size"] = .uint32(7) }.contains("vocab_size"))
        #expect(refusal { $0["dflash.block_size"] = nil }.contains("block_size"))
        #expect(refusal { $0["dflash.selector_rank"] = .uint32(8) }.contains("selector_top_k"))
        let names = ["selector_rank", "selector_top_k", "conv_kernel_size", "conv_group_size"]
        func selecting(_ group: UInt32, _ change: (inout Metadata) -> Void = { _ in }) -> String {
            refusal {
                for (name, size) in zip(names, [32, 4, 2, group]) { $0["dflash.\(name)"] = .uint32(size) }
                change(&$0)
            }
        }
        #expect(refusal { $0["dflash.conv_group_size"] = .uint32(16) }.contains("conv_kernel_size"))
        #expect(selecting(16).contains("attn_conv_base"))
        #expect(selecting(5) { $0["dflash.sample_from_anchor"] = .bool(false) }.contains("conv_group_size"))
        #expect(selecting(16) { $0["dflash.sample_from_anchor"] = .bool(false) }.contains("attn_conv_base"))
        #expect(refusal { $0["speculate.schedule.2"] = .array(.int32([9])) }.contains("speculate.schedule.2"))
        // A window of some layers alone hides other slots' tokens too, if it is small.
        #expect(
            refusal { $0["dflash.attention.sliding_window_pattern"] = .array(.bool([true, false])) }
                .contains("attention.sliding_window' is 20, expected at least 64"))
        #expect(
            refusal { $0["dflash.attention.sliding_window_pattern"] = .array(.bool([true])) }
                .contains("sliding_window_pattern"))
        #expect(
            refusal { $0["dflash.attention.sliding_window"] = .uint32(7) }.contains("expected at least the block of 8"))
        #expect(refusal { $0["dflash.hidden_activation"] = .string(Array("relu".utf8)) }.contains("hidden_activation"))
        #expect(refusal { $0["dflash.attention.scale"] = .float32(-1) }.contains("attention.scale"))
        #expect(refusal { $0["dflash.embedding_scale"] = .float32(8) }.contains("embedding_scale"))
        #expect(refusal { $0["dflash.logit_scale"] = .float32(8) }.contains("logit_scale"))
        #expect(
            refusal { $0["dflash.rope.dimension_sections"] = .array(.int32([8, 4, 4, 0])) }
                .contains("dimension_sections"))
    }

    @Test("keys that say what is computed anyway change nothing; merges are the verifier's affair")
    func harmless() {
        #expect(
            refusal {
                $0["dflash.rope.dimension_sections"] = .array(.int32([16, 0, 0, 0]))
                $0["dflash.hidden_activation"] = .string(Array("silu".utf8))
                $0["dflash.embedding_scale"] = .float32(0)
                $0["dflash.attention.value_scale"] = .float32(1)
                $0["tokenizer.ggml.merges"] = .array(.string(ByteStrings()))
            } == "loaded")
    }

    @Test("a file whose tensors or other keys do not go with its process is refused by name")
    func processes() {
        func named(_ name: String) -> (inout Metadata) -> Void {
            { $0["speculate.process"] = .string(Array(name.utf8)) }
        }
        #expect(refusal(change: named("absorbing")) == "loaded")
        let unknown = refusal(change: named("brownian"))
        #expect(unknown.contains("speculate.process") && unknown.contains("brownian") && unknown.contains("'gaussian'"))
        #expect(
            refusal("tiny-uniform") { $0["speculate.process.noise_schedule"] = .string(Array("steep".utf8)) }
                .contains("expected one of 'linear', 'cosine', 'geometric', 'log-linear'"))
        // The tensors are those of the process that is named, no fewer and no more.
        #expect(refusal(change: named("uniform")).contains("state_here"))
        #expect(refusal(change: named("score-absorbing")).contains("score_mass"))
        #expect(refusal("tiny-uniform", change: named("gaussian")).contains("rounding"))
        #expect(refusal("tiny-uniform", change: named("token-distance")).contains("neighbours"))
        #expect(refusal("tiny-uniform", change: named("score-uniform")).contains("state_own"))
        #expect(refusal("tiny-uniform") { $0["speculate.process"] = nil }.contains("state_here"))
        #expect(refusal("tiny-score-uniform", change: named("uniform")).contains("state_own"))
        #expect(
            refusal("tiny-gaussian") { $0["dflash.sample_from_anchor"] = .bool(false) }
                .contains("sample_from_anchor' is false, expected true where 'speculate.process' is 'gaussian'"))
    }

    @Test("neighbours are mutual, and none twice")
    func neighbours() throws {
        func refusal(_ change: (inout [Int32]) -> Void) throws -> String {
            try self.refusal(of: "tiny-token-distance.gguf", "speculate.neighbours") { bytes in
                var lists = bytes.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
                change(&lists)
                bytes = lists.withUnsafeBytes { Array($0) }
            }
        }
        #expect(try refusal { _ in } == "loaded")
        #expect(try refusal { $0[5] = 40 }.contains("speculate.neighbours' holds 40, expected 0 to 39"))
        #expect(try refusal { $0[5] = -1 }.contains("holds -1"))
        #expect(try refusal { $0[8] = 2 }.contains("for token 36, expected 2 to list 36, too"))
        #expect(try refusal { $0[9] = $0[8] }.contains("for token 2, expected no other token twice"))
        let loader = try WeightLoader(
            Checkpoint(path: Fixtures.path("tiny-token-distance.gguf")), pool: WorkerPool(count: 1))
        let tooMany = #expect(throws: CheckpointError.self) {
            try loader.indexLists("speculate.neighbours", count: 40, most: 3)
        }
        #expect(tooMany?.description.contains("shape [4, 40], expected I32 of 1 to 3 for each of 40") == true)
    }

    @Test("numbers that every pass depends on are finite")
    func finite() throws {
        let damaged = try refusal(of: "tiny-uniform.gguf", "speculate.time.weight") { bytes in
            bytes.replaceSubrange(0..<4, with: [0, 0, 0xc0, 0x7f])  // NaN
        }
        #expect(damaged.contains("speculate.time.weight' holds nan, expected finite numbers"))
    }

    /// What loading a drafter says after a change of a tensor's bytes; "loaded" if it is taken.
    private func refusal(of file: String, _ tensor: String, _ change: (inout [UInt8]) -> Void) throws -> String {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/changed.gguf"
            try Fixtures.write(file, to: path, tensor: tensor, change)
            let checkpoint = try Checkpoint(path: path)
            let config = try DrafterConfig(checkpoint)
            let verifier = try Verifier(
                Checkpoint(path: Fixtures.path("tiny-qwen3.gguf")),
                taps: config.taps(verifierLayers: config.targetLayers.max()! + 1), kernels: Kernels(),
                pool: WorkerPool(count: 1))
            do {
                _ = try BlockDiffusionModel(checkpoint, config, for: verifier.target)
                return "loaded"
            } catch { return "\(error)" }
        }
    }
}
