import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport

/// The contract, for every family: a row's numbers have the same bits whatever shares its pass.
@Suite struct FamilyInvarianceTests {
    private static let tokens = (0..<140).map { Int32(($0 * 53 + 7) % 258) }

    private func logits(_ verifier: Verifier, rows: Int) throws -> [[Float]] {
        let cache = try verifier.makeCache()
        let batch = RowBatch(capacity: rows)
        var all: [[Float]] = []
        for start in stride(from: 0, to: Self.tokens.count, by: rows) {
            batch.removeAll()
            batch.append(Self.tokens[start..<min(start + rows, Self.tokens.count)], to: cache, logits: .all)
            let pass = verifier.forward(batch)
            all += (0..<batch.rowCount).map { Array(UnsafeBufferPointer(start: pass.logits($0), count: 260)) }
        }
        return all
    }

    @Test(
        "rows, threads, instruction sets and a tree of drafts change no bit",
        arguments: [
            "tiny-llama3", "tiny-linear", "tiny-qwen2", "tiny-qwen3", "tiny-smollm3", "tiny-gemma3", "tiny-granite",
            "tiny-olmo2",
            "tiny-olmo3", "tiny-mistral3", "tiny-phi3", "tiny-phi3-short", "tiny-qwen3moe",
        ])
    func invariance(name: String) throws {
        let one = try Verifier(
            Checkpoint(path: Fixtures.path(name + ".gguf")), contextLength: 512, kernels: Kernels(),
            pool: WorkerPool(count: 1))
        let expected = try logits(one, rows: 140)
        #expect(expected.allSatisfy { $0.allSatisfy(\.isFinite) })
        for rows in [1, 3, 8, 17, 64] { #expect(try logits(one, rows: rows) == expected, "\(rows) rows") }
        for threads in [2, 3] {
            let others = try one.sibling(pool: WorkerPool(count: threads))
            for rows in [1, 5, 16, 90] {
                #expect(try logits(others, rows: rows) == expected, "\(threads) threads, \(rows) rows")
            }
        }
        for kernels in Kernels.available {
            let others = try one.sibling(pool: WorkerPool(count: 2), kernels: kernels)
            #expect(try logits(others, rows: 33) == expected, "\(kernels.name)")
        }
        // A wrong branch, then the tokens that come: 120 of them are in the cache.
        let cache = try one.makeCache()
        let batch = RowBatch(capacity: 160)
        batch.append(Self.tokens[..<120], to: cache, logits: .none)
        one.forward(batch)
        batch.removeAll()
        let right = Array(Self.tokens[120..<140])
        batch.appendTree(
            [right[0], 3, 4] + right[1...], parents: [-1, -1, 1, 0] + (3..<21), to: cache, logits: .all)
        let pass = one.forward(batch)
        for (index, row) in ([0] + Array(3..<22)).enumerated() {
            let found = Array(UnsafeBufferPointer(start: pass.logits(row), count: 260))
            #expect(found == expected[120 + index], "token \(120 + index) in a tree")
        }
    }
}
