import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport

/// The likeliest token found without all logits equals the one that all logits give.
@Suite struct LikeliestTests {
    /// The likeliest token after each token, in passes of `size` rows.
    private func likeliest(
        _ verifier: Verifier, _ tokens: [Int32], size: Int, _ logits: RowBatch.LogitRows
    ) throws -> [Int32?] {
        let cache = try verifier.makeCache(capacity: tokens.count)
        let batch = RowBatch(capacity: size)
        var found: [Int32?] = []
        for start in stride(from: 0, to: tokens.count, by: size) {
            batch.removeAll()
            batch.append(tokens[start..<min(start + size, tokens.count)], to: cache, logits: logits)
            let pass = verifier.forward(batch)
            // Rows may be queried in any order, repeatedly, or not at all.
            let rows = (0..<batch.logitRowCount).map { pass.likeliest($0) }
            #expect(pass.likeliest(0) == rows[0])
            found += rows
        }
        return found
    }

    @Test("on text and on random tokens, whatever the rows, threads and instruction set")
    func real() throws {
        let verifier = try Fixtures.verifier(threads: 2)
        var rng = SplitMix(12)
        let text = Array(verifier.tokenizer.encode(try Fixtures.bytes("prose.txt")).prefix(600))
        let random = (0..<120).map { _ in Int32.random(in: 0..<49152, using: &rng) }
        for tokens in [text, random] {
            let expected = try likeliest(verifier, tokens, size: 64, .all)
            #expect(!expected.contains(nil))
            for size in [1, 2, 3, 5, 8, 9] {
                #expect(try likeliest(verifier, tokens, size: size, .likeliest) == expected, "\(size) rows")
            }
            for threads in [1, 3] {
                let sibling = try verifier.sibling(pool: WorkerPool(count: threads))
                #expect(try likeliest(sibling, tokens, size: 4, .likeliest) == expected, "\(threads) threads")
            }
        }
        let few = Array(text[..<24])
        let expected = try likeliest(verifier, few, size: 24, .all)
        for kernels in Kernels.available {
            let sibling = try verifier.sibling(pool: WorkerPool(count: 2), kernels: kernels)
            #expect(try likeliest(sibling, few, size: 8, .likeliest) == expected, "\(kernels.name)")
        }
    }

    /// The tiny Qwen3 checkpoint with custom 8-bit output weights.
    private func tiny(scale: (_ output: Int) -> UInt16, quant: (_ output: Int, _ input: Int) -> Int8) throws -> Verifier
    {
        let source = try Checkpoint(path: Fixtures.path("tiny-qwen3.gguf"))
        var writer = CheckpointWriter()
        writer.metadata = source.metadata
        for info in source.tensors {
            try writer.add(info.name, type: info.type, shape: info.shape, bytes: source.bytes(of: info))
        }
        var bytes: [UInt8] = []
        for output in 0..<260 {
            for group in 0..<2 {
                withUnsafeBytes(of: scale(output).littleEndian) { bytes += $0 }
                for input in group * 32..<group * 32 + 32 { bytes.append(UInt8(bitPattern: quant(output, input))) }
            }
        }
        try writer.add("output.weight", type: .q8_0, shape: [64, 260], bytes: bytes)
        return try Fixtures.withTemporaryFolder { folder in
            try writer.write(to: folder + "/model.gguf")
            return try Verifier(
                Checkpoint(path: folder + "/model.gguf"), kernels: Kernels(), pool: WorkerPool(count: 2))
        }
    }

    /// A checkpoint like the tiny Qwen3, 256 wide, with random weights and a Q6_K output.
    private func wide(_ rng: inout SplitMix) throws -> Verifier {
        let source = try Checkpoint(path: Fixtures.path("tiny-qwen3.gguf"))
        var writer = CheckpointWriter()
        writer.metadata = source.metadata
        writer.metadata["qwen3.embedding_length"] = .uint32(256)
        for info in source.tensors {
            let isOutput = ["attn_output.weight", "ffn_down.weight"].contains { info.name.hasSuffix($0) }
            let isHead = info.name.hasSuffix("q_norm.weight") || info.name.hasSuffix("k_norm.weight")
            var shape = info.shape
            if !isHead { shape[isOutput ? 1 : 0] = 256 }
            let values = rng.floats(shape.reduce(1, *))
            try writer.add(info.name, type: .f32, shape: shape, bytes: values.withUnsafeBytes { Array($0) })
        }
        var bytes: [UInt8] = []
        for output in 0..<260 {
            // Some rows differ from others in only a few bits, so that bounds cross.
            var quants = SplitMix(UInt64(output % 40))
            var block = (0..<208).map { _ in UInt8.random(in: 0...255, using: &quants) }
            for _ in 0..<output / 40 { block[Int.random(in: 0..<128, using: &rng)] ^= 1 }
            let scale = Float16(output % 40 < 20 ? 0.01 : -0.01).bitPattern
            bytes += block + withUnsafeBytes(of: scale.littleEndian) { Array($0) }
        }
        try writer.add("output.weight", type: .q6_K, shape: [256, 260], bytes: bytes)
        return try Fixtures.withTemporaryFolder { folder in
            try writer.write(to: folder + "/model.gguf")
            return try Verifier(
                Checkpoint(path: folder + "/model.gguf"), kernels: Kernels(), pool: WorkerPool(count: 2))
        }
    }

    @Test("with an output of Q6_K too")
    func sixBits() throws {
        var rng = SplitMix(14)
        let verifier = try wide(&rng)
        let tokens = (0..<300).map { _ in Int32.random(in: 0..<258, using: &rng) }
        let expected = try likeliest(verifier, tokens, size: 60, .all)
        #expect(Set(expected).count > 10 && !expected.contains(nil))
        for kernels in Kernels.available {
            let sibling = try verifier.sibling(pool: WorkerPool(count: 2), kernels: kernels)
            for size in [1, 2, 3] {
                #expect(try likeliest(sibling, tokens, size: size, .likeliest) == expected, "\(kernels.name)")
            }
        }
    }

    private static let one: UInt16 = 0x3c00

    @Test("among equals the lowest token is taken, padding is not, and a negative scale leads to all logits")
    func equals() throws {
        let tokens: [Int32] = (0..<40).map { Int32($0 * 37 % 258) }
        var rng = SplitMix(13)
        let quants = (0..<260 * 64).map { _ in Int8.random(in: -127...127, using: &rng) }
        let random = { (output: Int, input: Int) in quants[output * 64 + input] }
        let cases: [(String, Verifier)] = [
            ("random", try tiny(scale: { _ in Self.one }, quant: random)),
            ("one of a few rows again and again", try tiny(scale: { _ in Self.one }) { random($0 % 7, $1) }),
            (
                "rows that differ in their lowest bits",
                try tiny(scale: { _ in Self.one }) { random(3, $1) ^ Int8($0 % 4) }
            ),
            ("all the same", try tiny(scale: { _ in Self.one }) { random(0, $1) }),
            ("some negative", try tiny(scale: { $0 % 50 == 7 ? 0xbc00 : Self.one }, quant: random)),
            ("not finite", try tiny(scale: { $0 == 258 ? 0x7c00 : Self.one }, quant: random)),
        ]
        for (name, verifier) in cases {
            let expected = try likeliest(verifier, tokens, size: 40, .all)
            for size in [1, 3, 8] {
                #expect(try likeliest(verifier, tokens, size: size, .likeliest) == expected, "\(name)")
            }
            // Where all logits are negative, the last panel's padding is greater.
            if name == "all the same" { #expect(expected.allSatisfy { $0 == 0 }) }
        }
    }

    @Test("a pass asked for logits beside likeliest tokens has both")
    func mixed() throws {
        let verifier = try Fixtures.verifier()
        let (first, second) = (try verifier.makeCache(capacity: 8), try verifier.makeCache(capacity: 8))
        let batch = RowBatch(capacity: 8)
        batch.append([504, 2036, 282], to: first, logits: .likeliest)
        let pass = verifier.forward(batch)
        let alone = (0..<3).map { pass.likeliest($0) }
        batch.removeAll()
        first.rollback(to: 0)
        batch.append([504, 2036, 282], to: first, logits: .likeliest)
        batch.append([1, 2], to: second, logits: .all)
        let both = verifier.forward(batch)
        #expect(batch.logitRowCount == 5)
        #expect((0..<3).map { both.likeliest($0) } == alone)
        #expect(both.logits(4)[Int(try #require(both.likeliest(4)))].isFinite)
    }
}
