import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport

/// What a family's metadata and tensors may be: nothing that changes the computation passes silently.
@Suite struct FamilyTests {
    private func load(_ name: String, _ change: (inout Metadata) -> Void) throws -> Verifier {
        try Fixtures.withTemporaryFolder { folder in
            try Fixtures.write(name, to: folder + "/model.gguf", change)
            return try Verifier(
                Checkpoint(path: folder + "/model.gguf"), kernels: Kernels(), pool: WorkerPool(count: 1))
        }
    }

    private func logits(_ verifier: Verifier) throws -> [Float] {
        let batch = RowBatch(capacity: 8)
        try batch.append([1, 2, 3, 4], to: verifier.makeCache(), logits: .last)
        return Array(
            UnsafeBufferPointer(start: verifier.forward(batch).logits(0), count: verifier.config.vocabulary))
    }

    @Test(
        "a key that the family does not know is refused by name",
        arguments: ["tiny-llama3", "tiny-qwen2", "tiny-qwen3", "tiny-smollm3"])
    func unknownKeys(name: String) throws {
        let family = String(name.dropFirst(5).prefix { !$0.isNumber || $0 == "2" || $0 == "3" })
        let prefix = family == "llama3" ? "llama" : family
        for key in ["attention.mystery", "rope.scaling.yarn_beta_fast", "expert_shared_count", "ssm.state_size"] {
            let error = #expect(throws: CheckpointError.self) {
                try load(name + ".gguf") { $0["\(prefix).\(key)"] = .uint32(1) }
            }
            #expect(error?.description.contains("'\(prefix).\(key)'") == true)
        }
    }

    @Test("a known key that asks for what is not computed is refused with what was expected; its neutral value is not")
    func neutralKeys() throws {
        let keys: [(String, neutral: MetadataValue, other: MetadataValue)] = [
            ("attention.causal", .bool(true), .bool(false)), ("logit_scale", .float32(1), .float32(0.5)),
            ("attention.sliding_window", .uint32(0), .uint32(512)),
            ("final_logit_softcapping", .float32(0), .float32(30)), ("expert_count", .uint32(0), .uint32(8)),
            ("hidden_activation", .string("silu"), .string("gelu")), ("embedding_scale", .float32(1), .float32(12)),
            ("rope.scaling.attn_factor", .float32(1), .float32(1.2)), ("pooling_type", .uint32(0), .uint32(3)),
        ]
        let expected = try logits(load("tiny-qwen3.gguf") { _ in })
        for (key, neutral, other) in keys {
            #expect(try logits(load("tiny-qwen3.gguf") { $0["qwen3.\(key)"] = neutral }) == expected, "\(key)")
            let error = #expect(throws: CheckpointError.self) {
                try load("tiny-qwen3.gguf") { $0["qwen3.\(key)"] = other }
            }
            #expect(error?.description.contains("'qwen3.\(key)' is \(other.summary), expected") == true, "\(key)")
        }
    }

    @Test("a kind of rope scaling that the family does not compute is refused")
    func scalings() throws {
        for (family, type) in [("mistral3", "longrope"), ("olmo2", "longrope"), ("qwen3", "yarn"), ("phi3", "yarn")] {
            let error = #expect(throws: CheckpointError.self) {
                try load("tiny-\(family).gguf") { $0["\(family).rope.scaling.type"] = .string(type) }
            }
            #expect(error?.description.contains("is '\(type)', expected 'none' or 'linear'") == true)
        }
    }

    @Test("YaRN's magnitude is the file's own where it says one; only the whole ramp is computed")
    func yarn() throws {
        for (name, family) in [("tiny-olmo3", "olmo2"), ("tiny-mistral3", "mistral3")] {
            func load(_ key: String, _ value: MetadataValue?) throws -> Verifier {
                try self.load("\(name).gguf") { $0["\(family).rope.scaling.\(key)"] = value }
            }
            #expect(try load("yarn_attn_factor", .float32(1.5)).config.ropes.map(\.magnitude).max() == 1.5)
            for wrong: Float in [0, -1] {
                let error = #expect(throws: CheckpointError.self) { try load("yarn_attn_factor", .float32(wrong)) }
                #expect(error?.description.contains("yarn_attn_factor' is \(wrong), expected more than 0") == true)
            }
            // 0.1 ln s + 1, divided by the same with Ministral's multiplier.
            let own = try load("yarn_attn_factor", nil).config.ropes.map(\.magnitude).max() ?? 0
            #expect(abs(own - (family == "olmo2" ? 1.2079441 : 1)) < 1e-6)
            #expect(try logits(load("yarn_ext_factor", .float32(1))) == logits(load("yarn_ext_factor", nil)))
            let error = #expect(throws: CheckpointError.self) { try load("yarn_ext_factor", .float32(0.5)) }
            #expect(error?.description.contains("yarn_ext_factor' is 0.5, expected 1") == true)
        }
        // Layers with a window rotate without scaling.
        let olmo = try self.load("tiny-olmo3.gguf") { _ in }
        #expect(olmo.config.ropes.map(\.magnitude).contains(1) && olmo.config.ropes.count == 2)
    }

    @Test("a file that is no model is refused")
    func otherFiles() throws {
        let error = #expect(throws: CheckpointError.self) {
            try load("tiny-qwen3.gguf") { $0["general.type"] = .string("adapter") }
        }
        #expect(error?.description.contains("'general.type' is 'adapter'") == true)
    }

    @Test("a scaling factor without a type, and the old key for it, are linear scaling")
    func linearScaling() throws {
        let expected = try logits(load("tiny-linear.gguf") { _ in })
        #expect(
            try logits(load("tiny-linear.gguf") { $0["llama.rope.scaling.type"] = nil }) == expected)
        #expect(
            try logits(
                load("tiny-linear.gguf") {
                    $0["llama.rope.scaling.type"] = nil
                    $0["llama.rope.scaling.factor"] = nil
                    $0["llama.rope.scale_linear"] = .float32(4)
                }) == expected)
        #expect(
            try logits(load("tiny-linear.gguf") { $0["llama.rope.scaling.type"] = .string("none") }) != expected)
    }

    @Test("an optional tensor of another family is refused by name")
    func foreignTensors() throws {
        let source = try Checkpoint(path: Fixtures.path("tiny-llama3.gguf"))
        var writer = CheckpointWriter()
        writer.metadata = source.metadata
        for tensor in source.tensors {
            try writer.add(tensor.name, type: tensor.type, shape: tensor.shape, bytes: source.bytes(of: tensor))
        }
        try writer.add("blk.0.attn_q_norm.weight", shape: [32], floats: [Float](repeating: 1, count: 32))
        let error = try #require(
            try Fixtures.withTemporaryFolder { folder in
                try writer.write(to: folder + "/model.gguf")
                return #expect(throws: CheckpointError.self) {
                    try Verifier(
                        Checkpoint(path: folder + "/model.gguf"), kernels: Kernels(), pool: WorkerPool(count: 1))
                }
            })
        #expect(error.description.contains("'blk.0.attn_q_norm.weight'"))
    }

    @Test("a file of another architecture is told so before anything about its tokenizer")
    func architecture() throws {
        let error = #expect(throws: CheckpointError.self) {
            try load("tiny-qwen3.gguf") {
                $0["general.architecture"] = .string("mamba")
                $0["tokenizer.ggml.model"] = .string("llama")
            }
        }
        #expect(error?.description.contains("'mamba', expected one of 'llama', 'qwen2', 'qwen3'") == true)
    }
}
