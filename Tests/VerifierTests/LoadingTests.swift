import Foundation
import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport

@Suite struct LoadingTests {
    /// Loads the tiny Qwen3 checkpoint, rewritten by our writer after a change.
    private func load(_ change: (inout Metadata, inout [(TensorInfo, [UInt8])]) -> Void) throws -> Verifier {
        let source = try Checkpoint(path: Fixtures.path("tiny-qwen3.gguf"))
        var metadata = source.metadata
        var tensors = try source.tensors.map { ($0, try source.bytes(of: $0)) }
        change(&metadata, &tensors)
        var writer = CheckpointWriter()
        writer.metadata = metadata
        for (info, bytes) in tensors { try writer.add(info.name, type: info.type, shape: info.shape, bytes: bytes) }
        return try Fixtures.withTemporaryFolder { folder in
            try writer.write(to: folder + "/model.gguf")
            return try Verifier(
                Checkpoint(path: folder + "/model.gguf"), kernels: Kernels(), pool: WorkerPool(count: 1))
        }
    }

    private func logits(_ verifier: Verifier) throws -> [Float] {
        let batch = RowBatch(capacity: 8)
        try batch.append([1, 2, 3], to: verifier.makeCache(), logits: .last)
        let pass = verifier.forward(batch)
        return Array(UnsafeBufferPointer(start: pass.logits(0), count: verifier.config.vocabulary))
    }

    @Test("weights that do not fit into memory are refused before any are read, with both numbers")
    func tooLarge() throws {
        // One tensor of 4 TB: 16-bit floats, 2³¹ − 1 rows of 1024. None of it is on the disk.
        var writer = CheckpointWriter()
        try writer.add("t", type: .f16, shape: [1024, 1], bytes: [UInt8](repeating: 0, count: 2048))
        var bytes = writer.bytes()
        let shape = withUnsafeBytes(of: UInt64(1024)) { Array($0) } + withUnsafeBytes(of: UInt64(1)) { Array($0) }
        let at = try #require(bytes.firstRange(of: shape)).lowerBound + 8
        bytes.replaceSubrange(at..<at + 8, with: withUnsafeBytes(of: UInt64(Int32.max)) { Array($0) })
        try Fixtures.withTemporaryFolder { folder in
            let url = URL(filePath: folder + "/model.gguf")
            try Data(bytes).write(to: url)
            let file = try FileHandle(forWritingTo: url)
            try file.truncate(atOffset: UInt64(bytes.count) + 1 << 42)
            try file.close()
            let checkpoint = try Checkpoint(path: url.path)
            let error = #expect(throws: OutOfMemory.self) {
                _ = try WeightLoader(checkpoint, pool: WorkerPool(count: 1))
            }
            #expect(error?.bytes == Int(Int32.max) * 2048 + 2048)
            #if os(Linux)
                #expect(error?.available ?? 0 > 0)
                #expect(error?.description.contains("4398047 MB of memory are needed for the weights, and") == true)
            #endif
        }
    }

    @Test("a checkpoint written by our writer is the same model")
    func rewritten() throws {
        let original = try Verifier(
            Checkpoint(path: Fixtures.path("tiny-qwen3.gguf")), kernels: Kernels(), pool: WorkerPool(count: 1))
        #expect(try logits(load { _, _ in }) == logits(original))
    }

    @Test("a key that is missing, out of range or asks for what is not implemented is named")
    func metadata() throws {
        let cases: [(String, MetadataValue?)] = [
            ("general.architecture", .string("mamba")), ("general.architecture", nil), ("qwen3.block_count", nil),
            ("qwen3.block_count", .uint32(0)), ("qwen3.block_count", .string("2")),
            ("qwen3.attention.head_count_kv", .uint32(3)),
            ("qwen3.attention.head_count", .uint32(0)), ("qwen3.context_length", .int32(-5)),
            ("qwen3.embedding_length", .uint32(1 << 30)),
            ("qwen3.attention.layer_norm_rms_epsilon", .uint32(1)),
            ("qwen3.attention.layer_norm_rms_epsilon", .float32(.nan)),
            ("qwen3.attention.value_length", .uint32(64)), ("qwen3.rope.dimension_count", .uint32(128)),
            ("qwen3.rope.scaling.type", .string("yarn")), ("qwen3.expert_count", .uint32(8)),
            ("qwen3.attention.sliding_window", .uint32(128)),
        ]
        for (key, value) in cases {
            let error = #expect(throws: CheckpointError.self) { try load { metadata, _ in metadata[key] = value } }
            #expect(error?.description.contains(key) == true, "\(key): \(error?.description ?? "accepted")")
        }
    }

    @Test("a tensor that is missing, misshapen, unknown or not finite is named")
    func tensors() throws {
        func refused(_ name: String, _ change: (inout [(TensorInfo, [UInt8])]) -> Void) {
            let error = #expect(throws: CheckpointError.self) { try load { _, tensors in change(&tensors) } }
            #expect(error?.description.contains("'\(name)'") == true, "\(name): \(error?.description ?? "accepted")")
        }
        refused("blk.1.ffn_up.weight") { $0.removeAll { $0.0.name == "blk.1.ffn_up.weight" } }
        refused("output_norm.weight") { $0.removeAll { $0.0.name == "output_norm.weight" } }
        refused("blk.0.attn_q.weight") { tensors in
            let i = tensors.firstIndex { $0.0.name == "blk.0.attn_q.weight" }!
            let info = tensors[i].0
            tensors[i].0 = TensorInfo(name: info.name, type: info.type, shape: info.shape.reversed(), offset: 0)
        }
        refused("mystery") { tensors in
            tensors.append((TensorInfo(name: "mystery", type: .f32, shape: [1], offset: 0), [0, 0, 0, 0]))
        }
        refused("blk.0.attn_norm.weight") { tensors in
            let i = tensors.firstIndex { $0.0.name == "blk.0.attn_norm.weight" }!
            tensors[i].1.replaceSubrange(0..<4, with: [0, 0, 0xc0, 0x7f])
        }
    }

    @Test(
        "one weight that is no number leaves no row a logit, whatever it is multiplied with",
        arguments: [0x7e00, 0xfc00])
    func damaged(bits: UInt16) throws {
        let parts = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]
        for name in parts.map({ "blk.0.\($0).weight" }) {
            let verifier = try load { _, tensors in
                let i = tensors.firstIndex { $0.0.name == name }!
                tensors[i].1.replaceSubrange(0..<2, with: [UInt8(bits & 0xff), UInt8(bits >> 8)])
            }
            #expect(try logits(verifier).contains { !$0.isFinite }, "\(name)")
        }
    }
}
