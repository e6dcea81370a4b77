import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport

/// Mixtures of experts, beside the logits of transformers in `GoldenTests`.
@Suite struct ExpertTests {
    private static let tokens = (0..<300).map { Int32(($0 * 53 + 7) % 258) }

    private func logits(_ verifier: Verifier, rows: Int, of count: Int = tokens.count) throws -> [[Float]] {
        let cache = try verifier.makeCache()
        let batch = RowBatch(capacity: rows)
        var all: [[Float]] = []
        for start in stride(from: 0, to: count, by: rows) {
            batch.removeAll()
            batch.append(Self.tokens[start..<min(start + rows, count)], to: cache, logits: .all)
            let pass = verifier.forward(batch)
            all += (0..<batch.rowCount).map {
                Array(UnsafeBufferPointer(start: pass.logits($0), count: TinyMixture.vocabulary))
            }
        }
        return all
    }

    @Test(
        "rows, threads and instruction sets change no bit, in every kind of format and however many rows an expert has",
        arguments: [TensorType.f16, .q8_0, .q4_0, .q4_1, .q4_K, .q6_K], [(17, 4), (3, 3)])
    func invariance(type: TensorType, counts: (experts: Int, used: Int)) throws {
        let one = try TinyMixture(type, experts: counts.experts, used: counts.used).verifier()
        let expected = try logits(one, rows: 300)
        #expect(expected.allSatisfy { $0.allSatisfy(\.isFinite) } && Set(expected).count == 300)
        for rows in [1, 7] {
            #expect(try logits(one, rows: rows, of: 50) == Array(expected[..<50]), "\(rows) rows")
        }
        for rows in [9, 130] { #expect(try logits(one, rows: rows) == expected, "\(rows) rows") }
        let two = try one.sibling(pool: WorkerPool(count: 3))
        for rows in [1, 8] {
            #expect(try logits(two, rows: rows, of: 50) == Array(expected[..<50]), "3 threads, \(rows) rows")
        }
        #expect(try logits(two, rows: 300) == expected, "3 threads")
        for kernels in Kernels.available {
            let others = try one.sibling(pool: WorkerPool(count: 2), kernels: kernels)
            for rows in [5, 40] {
                #expect(
                    try logits(others, rows: rows, of: 40) == Array(expected[..<40]), "\(kernels.name), \(rows) rows")
            }
        }
    }

    @Test(
        "of one expert for each row, that is the model with this expert alone, bit by bit",
        arguments: [TensorType.f16, .q4_K])
    func one(type: TensorType) throws {
        let mixture = try TinyMixture(type, experts: 5, used: 1)
        let mixed = try logits(mixture.verifier(threads: 2), rows: 200)
        var rows = [Int](repeating: 0, count: 5)
        let alone = try (0..<5).map { try logits(mixture.dense($0), rows: 300) }
        for (row, found) in mixed.enumerated() {
            let same = (0..<5).filter { alone[$0][row] == found }
            #expect(same.count == 1, "row \(row)")
            for expert in same { rows[expert] += 1 }
        }
        #expect(rows.allSatisfy { $0 > 5 }, "\(rows)")
    }

    @Test("among equals the lowest are chosen, and the others' weights are not read, whatever they are")
    func ties() throws {
        var mixture = try TinyMixture(.f16, experts: 6, used: 3)
        let router = mixture.index(of: "ffn_gate_inp")
        mixture.tensors[router].bytes = [UInt8](repeating: 0, count: mixture.tensors[router].bytes.count)
        let expected = try logits(mixture.verifier(), rows: 20, of: 20)
        for name in ["ffn_gate_exps", "ffn_up_exps", "ffn_down_exps"] {
            let index = mixture.index(of: name)
            let half = mixture.tensors[index].bytes.count / 2
            for byte in half..<2 * half { mixture.tensors[index].bytes[byte] = 0xff }
        }
        #expect(try logits(mixture.verifier(), rows: 20, of: 20) == expected)
        #expect(try logits(mixture.verifier(), rows: 1, of: 20) == expected)
        let gate = mixture.index(of: "ffn_gate_exps")
        mixture.tensors[gate].bytes[1] = 0x7e
        #expect(try logits(mixture.verifier(), rows: 20, of: 20).allSatisfy { $0.contains { !$0.isFinite } })
    }

    @Test(
        "a router's weight that is no number leaves no row a logit",
        arguments: [UInt32(0x7fc0_0000), 0x7f80_0000, 0xff80_0000])
    func damaged(bits: UInt32) throws {
        var mixture = try TinyMixture(.q8_0, experts: 6, used: 2)
        let router = mixture.index(of: "ffn_gate_inp")
        mixture.tensors[router].bytes.replaceSubrange(2048..<2052, with: withUnsafeBytes(of: bits) { Array($0) })
        #expect(try logits(mixture.verifier(), rows: 12, of: 12).allSatisfy { $0.contains { !$0.isFinite } })
    }

    @Test("a count of experts that is missing or wrong, and what mixtures of other families have, is refused by name")
    func refusals() throws {
        let keys: [(String, MetadataValue?)] = [
            ("expert_count", nil), ("expert_count", .uint32(0)), ("expert_count", .uint32(5000)),
            ("expert_used_count", nil), ("expert_used_count", .uint32(0)), ("expert_used_count", .uint32(13)),
            ("expert_feed_forward_length", nil), ("expert_weights_scale", .float32(2.5)),
            ("expert_shared_feed_forward_length", .uint32(64)), ("expert_shared_count", .uint32(1)),
            ("expert_gating_func", .uint32(2)), ("expert_group_count", .uint32(2)),
            ("leading_dense_block_count", .uint32(1)),
        ]
        for (key, value) in keys {
            let error = #expect(throws: CheckpointError.self) {
                try Fixtures.withTemporaryFolder { folder in
                    try Fixtures.write("tiny-qwen3moe.gguf", to: folder + "/model.gguf") {
                        $0["qwen3moe.\(key)"] = value
                    }
                    return try Verifier(
                        Checkpoint(path: folder + "/model.gguf"), kernels: Kernels(), pool: WorkerPool(count: 1))
                }
            }
            #expect(
                error?.description.contains("'qwen3moe.\(key)'") == true, "\(key): \(error?.description ?? "accepted")")
        }
    }

    @Test("a tensor of another number of experts, of one matrix, or that experts do not have, is named")
    func tensors() throws {
        func refused(_ name: String, _ change: (inout TinyMixture) -> Void) throws {
            var mixture = try TinyMixture(.f16, experts: 4, used: 2)
            change(&mixture)
            let error = #expect(throws: CheckpointError.self) { try mixture.verifier() }
            #expect(error?.description.contains("'blk.0.\(name)'") == true, "\(error?.description ?? "accepted")")
        }
        for (shape, bytes) in [([256, 256, 3], 3), ([256, 256], 1), ([256, 128, 8], 4), ([256, 4, 256], 4)] {
            try refused("ffn_up_exps.weight") {
                let index = $0.index(of: "ffn_up_exps")
                let old = $0.tensors[index]
                $0.tensors[index] = (
                    TensorInfo(name: old.info.name, type: .f16, shape: shape, offset: 0),
                    Array(old.bytes[..<(bytes * 256 * 256 * 2)])
                )
            }
        }
        try refused("ffn_gate_exps.bias") {
            let bias = TensorInfo(name: "blk.0.ffn_gate_exps.bias", type: .f32, shape: [256, 4], offset: 0)
            $0.tensors.append((bias, [UInt8](repeating: 0, count: 4096)))
        }
        try refused("ffn_gate_inp.weight") { $0.tensors.remove(at: $0.index(of: "ffn_gate_inp")) }
    }
}
