import SpeculateShared
import SpeculateVerifier
import TestSupport

/// A mixture of experts of one layer with random weights, in blocks as a file of the type has them.
struct TinyMixture {
    static let hidden = 256
    static let width = 256
    static let vocabulary = 260

    var metadata: Metadata
    var tensors: [(info: TensorInfo, bytes: [UInt8])] = []
    let experts: Int
    private var random = SplitMix(3)

    init(_ type: TensorType, experts: Int, used: Int) throws {
        metadata = try Checkpoint(path: Fixtures.path("tiny-qwen3moe.gguf")).metadata
        self.experts = experts
        let counts = [
            "block_count": 1, "embedding_length": Self.hidden, "expert_feed_forward_length": Self.width,
            "expert_count": experts, "expert_used_count": used,
        ]
        for (key, value) in counts { metadata["qwen3moe.\(key)"] = .uint32(UInt32(value)) }
        add("token_embd", .f16, [Self.hidden, Self.vocabulary])
        for (name, rows) in [("attn_q", 128), ("attn_k", 64), ("attn_v", 64)] {
            add("blk.0.\(name)", type, [Self.hidden, rows])
        }
        add("blk.0.attn_output", .f16, [128, Self.hidden])
        for (name, count) in [("attn_q_norm", 32), ("attn_k_norm", 32), ("attn_norm", 256), ("ffn_norm", 256)] {
            add("blk.0.\(name)", .f32, [count])
        }
        add("output_norm", .f32, [Self.hidden])
        add("blk.0.ffn_gate_inp", .f32, [Self.hidden, experts])
        add("blk.0.ffn_gate_exps", type, [Self.hidden, Self.width, experts])
        add("blk.0.ffn_up_exps", type, [Self.hidden, Self.width, experts])
        add("blk.0.ffn_down_exps", type, [Self.width, Self.hidden, experts])
    }

    private mutating func add(_ name: String, _ type: TensorType, _ shape: [Int]) {
        let info = TensorInfo(name: name + ".weight", type: type, shape: shape, offset: 0)
        var bytes: [UInt8]
        if type == .f32 {
            let range: ClosedRange<Float> = name.contains("norm") ? 0.5...1.5 : -0.25...0.25
            bytes = random.floats(info.count, in: range).withUnsafeBytes { Array($0) }
        } else {
            bytes = (0..<info.byteCount).map { _ in UInt8.random(in: 0...255, using: &random) }
            for start in stride(from: 0, to: bytes.count, by: type.unitBytes) { scale(&bytes, start, type) }
        }
        tensors.append((info, bytes))
    }

    /// Gives a block scales with which its weights are about 0.1; a 16-bit float is a block of its own.
    private func scale(_ bytes: inout [UInt8], _ start: Int, _ type: TensorType) {
        if type == .f16 { bytes[start + 1] = bytes[start + 1] & 0x83 | 0x2c }
        let scales: [TensorType: [(offset: Int, bits: UInt16)]] = [
            .q8_0: [(0, 0x1419)], .q4_0: [(0, 0x211f)], .q4_1: [(0, 0x211f), (2, 0xad1f)],
            .q4_K: [(0, 0x0a8e), (2, 0x1419)], .q6_K: [(208, 0x0347)],
        ]
        for (offset, bits) in scales[type] ?? [] {
            (bytes[start + offset], bytes[start + offset + 1]) = (UInt8(bits & 0xff), UInt8(bits >> 8))
        }
    }

    func index(of name: String) -> Int { tensors.firstIndex { $0.info.name == "blk.0.\(name).weight" }! }

    func verifier(threads: Int = 1) throws -> Verifier { try Self.load(metadata, tensors, threads) }

    /// The model without a router that has one of the experts alone.
    func dense(_ expert: Int) throws -> Verifier {
        var metadata = Metadata()
        for key in self.metadata.keys where !key.contains("expert") {
            metadata[key.replacing("qwen3moe.", with: "qwen3.")] = self.metadata[key]
        }
        metadata["general.architecture"] = .string("qwen3")
        metadata["qwen3.feed_forward_length"] = .uint32(UInt32(Self.width))
        let parts: [(TensorInfo, [UInt8])] = tensors.compactMap { info, bytes in
            guard info.shape.count == 3 else { return info.name.contains("ffn_gate_inp") ? nil : (info, bytes) }
            let count = bytes.count / experts
            let part = TensorInfo(
                name: info.name.replacing("_exps", with: ""), type: info.type, shape: Array(info.shape[..<2]), offset: 0
            )
            return (part, Array(bytes[expert * count..<(expert + 1) * count]))
        }
        return try Self.load(metadata, parts, 1)
    }

    private static func load(
        _ metadata: Metadata, _ tensors: [(TensorInfo, [UInt8])], _ threads: Int
    ) throws -> Verifier {
        var writer = CheckpointWriter()
        writer.metadata = metadata
        for (info, bytes) in tensors { try writer.add(info.name, type: info.type, shape: info.shape, bytes: bytes) }
        return try Fixtures.withTemporaryFolder { folder in
            try writer.write(to: folder + "/model.gguf")
            return try Verifier(
                Checkpoint(path: folder + "/model.gguf"), kernels: Kernels(), pool: WorkerPool(count: threads))
        }
    }
}
