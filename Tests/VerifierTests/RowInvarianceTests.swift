import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport

/// The contract: a row's results are bit-identical whatever shares its pass.
@Suite struct RowInvarianceTests {
    private static let tokens: [Int32] = {
        var rng = SplitMix(1)
        return (0..<300).map { _ in Int32.random(in: 100..<49152, using: &rng) }
    }()

    /// Logits and tapped hidden states of all tokens, run in passes of the given sizes.
    private func run(_ verifier: Verifier, _ sizes: [Int], _ tokens: [Int32]) throws -> [[Float]] {
        let cache = try verifier.makeCache(capacity: tokens.count)
        let batch = RowBatch(capacity: 512)
        var rows: [[Float]] = []
        var start = 0
        var sizes = sizes[...]
        while start < tokens.count {
            let size = min(sizes.count > 1 ? sizes.removeFirst() : sizes.first!, tokens.count - start)
            batch.removeAll()
            batch.append(tokens[start..<start + size], to: cache, logits: .all)
            let pass = verifier.forward(batch)
            rows += (0..<size).map { result(verifier, pass, $0, logits: $0) }
            start += size
        }
        return rows
    }

    private func result(_ verifier: Verifier, _ pass: PassResult, _ row: Int, logits: Int) -> [Float] {
        let hidden = verifier.taps.indices.flatMap { tap in
            Array(
                UnsafeBufferPointer(
                    start: pass.hiddenStates[row].baseAddress! + tap * verifier.config.hidden,
                    count: verifier.config.hidden))
        }
        return Array(UnsafeBufferPointer(start: pass.logits(logits), count: verifier.config.vocabulary)) + hidden
    }

    @Test("1, 2, 3, 5, 8, 16, 64 and 300 rows per pass, 1 and 2 threads: the same bits on the real file")
    func rowsAndThreads() throws {
        let two = try Fixtures.verifier(threads: 2, taps: [1, 15, 29])
        let one = try two.sibling(pool: WorkerPool(count: 1))
        let three = try two.sibling(pool: WorkerPool(count: 3))
        let reference = try run(two, [300], Self.tokens)
        #expect(reference.allSatisfy { $0.allSatisfy { $0.isFinite } })
        for (verifier, sizes) in [
            (one, [300]), (two, [1]), (two, [2]), (one, [3]), (two, [3]), (two, [5]), (one, [8]), (two, [8]),
            (two, [16]),
            (one, [64]), (two, [64]), (three, [7, 1, 90, 2, 31]),
        ] {
            #expect(try run(verifier, sizes, Self.tokens) == reference, "\(verifier.pool.count) threads, \(sizes) rows")
        }
        #expect(try run(one, [1], Array(Self.tokens[..<40])) == Array(reference[..<40]))
    }

    @Test("behind 1,000 tokens too, where a cache has several stretches and workers may share them out")
    func manyStretches() throws {
        var rng = SplitMix(2)
        let tokens = (0..<1_090).map { _ in Int32.random(in: 100..<49152, using: &rng) }
        let two = try Fixtures.verifier(threads: 2, taps: [29])
        let others = try [1, 3].map { try two.sibling(pool: WorkerPool(count: $0)) }
        func tail(_ verifier: Verifier, from first: Int, _ size: Int) throws -> [[Float]] {
            let cache = try verifier.makeCache(capacity: tokens.count)
            let batch = RowBatch(capacity: 512)
            var rows: [[Float]] = []
            while cache.count < tokens.count {
                let start = cache.count
                let count = start < first ? min(512, first - start) : min(size, tokens.count - start)
                batch.removeAll()
                batch.append(tokens[start..<start + count], to: cache, logits: .all)
                let pass = verifier.forward(batch)
                if start >= 1_000 { rows += (0..<count).map { result(verifier, pass, $0, logits: $0) } }
            }
            return rows
        }
        let reference = try tail(two, from: 1_000, 90)
        for (verifier, size) in [
            (two, 1), (two, 16), (two, 17), (others[0], 5), (others[0], 90), (others[1], 3), (others[1], 16),
            (others[1], 40),
        ] {
            let rows = try tail(verifier, from: 1_000, size)
            #expect(rows == reference, "\(verifier.pool.count) threads, \(size) rows")
        }
    }

    @Test("every instruction set gives the same bits on the real file")
    func instructionSets() throws {
        let verifier = try Fixtures.verifier(threads: 2, taps: [29])
        let tokens = Array(Self.tokens[..<24])
        let reference = try run(verifier, [24], tokens)
        for kernels in Kernels.available {
            let sibling = try verifier.sibling(pool: WorkerPool(count: 2), kernels: kernels)
            #expect(
                try run(sibling, kernels.name == "portable" ? [24] : [1, 5, 18], tokens) == reference, "\(kernels.name)"
            )
        }
    }

    @Test("sequences that share a pass get what they get alone")
    func sequences() throws {
        let verifier = try Fixtures.verifier(taps: [15])
        let sequences = [
            Array(Self.tokens[..<20]), Array(Self.tokens[50..<53]), Array(Self.tokens[100..<101]),
            Array(Self.tokens[200..<233]),
        ]
        let alone = try sequences.map { try run(verifier, [$0.count], $0) }
        let caches = try sequences.map { _ in try verifier.makeCache(capacity: 40) }
        let batch = RowBatch(capacity: 128)
        for (sequence, cache) in zip(sequences, caches) { batch.append(sequence, to: cache, logits: .all) }
        let pass = verifier.forward(batch)
        var row = 0
        for (sequence, expected) in zip(sequences, alone) {
            for index in sequence.indices {
                #expect(result(verifier, pass, row, logits: row) == expected[index])
                row += 1
            }
        }
        #expect(caches.map(\.count) == [20, 3, 1, 33])
    }

    @Test(
        "a row of a tree gets the bits of its path run straight, and a kept path continues as if it were",
        arguments: [KVCacheFormat.f16, .q8])
    func trees(_ format: KVCacheFormat) throws {
        let verifier = try Fixtures.verifier(taps: [29]).sibling(pool: WorkerPool(count: 2), cacheFormat: format)
        let prompt = Array(Self.tokens[..<37])
        //      0
        //    1   2      9
        //   3 4  5     10
        //   6    7 8
        let parents = [-1, 0, 0, 1, 1, 2, 3, 5, 5, -1, 9]
        let tree = Array(Self.tokens[100..<111])
        let cache = try verifier.makeCache(capacity: 64)
        let batch = RowBatch(capacity: 64)
        batch.append(prompt, to: cache, logits: .none)
        verifier.forward(batch)
        batch.removeAll()
        batch.appendTree(tree, parents: parents, to: cache, logits: .all)
        let pass = verifier.forward(batch)
        let rows = tree.indices.map { result(verifier, pass, $0, logits: $0) }
        for index in tree.indices {
            var path = [index]
            while parents[path[0]] >= 0 { path.insert(parents[path[0]], at: 0) }
            let straight = try run(verifier, [37, 64], prompt + path.map { tree[$0] })
            #expect(rows[index] == straight.last, "node \(index)")
        }
        cache.keep(path: [0, 2, 5, 8], from: 37)
        #expect(cache.count == 41)
        batch.removeAll()
        batch.append([777], to: cache, logits: .all)
        let after = verifier.forward(batch)
        let next = result(verifier, after, 0, logits: 0)
        let straight = try run(verifier, [42], prompt + [tree[0], tree[2], tree[5], tree[8], 777])
        #expect(next == straight.last)
    }

    @Test(
        "a sequence that takes over the beginning of another, in several stretches, continues as that one does",
        arguments: [KVCacheFormat.f16, .q8])
    func adoption(_ format: KVCacheFormat) throws {
        let verifier = try Fixtures.verifier(taps: [29]).sibling(pool: WorkerPool(count: 2), cacheFormat: format)
        var rng = SplitMix(3)
        let tokens = (0..<1_100).map { _ in Int32.random(in: 100..<49152, using: &rng) }
        let (first, second) = (try verifier.makeCache(), try verifier.makeCache(capacity: 1_100))
        let batch = RowBatch(capacity: 512)
        func rows(_ range: Range<Int>, _ cache: KVCache) -> [[Float]] {
            batch.removeAll()
            batch.append(tokens[range], to: cache, logits: .all)
            let pass = verifier.forward(batch)
            return (0..<range.count).map { result(verifier, pass, $0, logits: $0) }
        }
        for begin in stride(from: 0, to: 1_050, by: 500) { _ = rows(begin..<min(begin + 500, 1_050), first) }
        second.adopt(300, of: first)
        second.adopt(1_027, of: first)
        first.rollback(to: 1_027)
        #expect(rows(1_027..<1_100, first) == rows(1_027..<1_100, second))
    }

    @Test("after a rollback the sequence continues as if nothing had been there")
    func rollback() throws {
        let verifier = try Fixtures.verifier()
        let tokens = Array(Self.tokens[..<30])
        let reference = try run(verifier, [30], tokens)
        let cache = try verifier.makeCache(capacity: 64)
        let batch = RowBatch(capacity: 64)
        batch.append(tokens[..<20] + [5, 6, 7, 8, 9], to: cache, logits: .none)
        verifier.forward(batch)
        cache.rollback(to: 20)
        batch.removeAll()
        batch.append(tokens[20...], to: cache, logits: .last)
        let pass = verifier.forward(batch)
        #expect(batch.logitRowCount == 1)
        #expect(result(verifier, pass, 9, logits: 0) == reference[29])
    }
}
