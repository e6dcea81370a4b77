/// Merges one piece's tokens, lowest rank first, leftmost among equals. Short pieces are scanned, O(n²) with a tiny
/// constant; long ones keep their candidates in a queue, O(n log n), so that no input is slow. Its arrays are reused.
struct PieceMerger {
    private static let longPiece = 48

    private var tokens: [Int32] = []
    private var previous: [Int] = []
    private var next: [Int] = []
    private var queue: MergeQueue?

    /// Appends to `output` the tokens that the byte tokens of `piece` merge to.
    mutating func merge(_ piece: [Int32], with table: borrowing MergeTable, into output: inout [Int32]) {
        if piece.count < 2 {
            output += piece
        } else if piece.count <= Self.longPiece {
            mergeShort(piece, table, &output)
        } else {
            mergeLong(piece, table, &output)
        }
    }

    private func mergeShort(_ piece: [Int32], _ table: borrowing MergeTable, _ output: inout [Int32]) {
        var count = piece.count
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: 3 * count) { memory in
            let tokens = memory.baseAddress!
            let ranks = tokens + count
            let merged = ranks + count
            for i in 0..<count { tokens[i] = piece[i] }
            func look(_ i: Int) {
                let merge = i + 1 < count ? table.merge(tokens[i], tokens[i + 1]) : .none
                ranks[i] = merge.rank
                merged[i] = merge.token
            }
            for i in 0..<count { look(i) }
            while true {
                var best = 0
                for i in 1..<count where ranks[i] < ranks[best] { best = i }
                guard ranks[best] != .max else { break }
                tokens[best] = merged[best]
                count -= 1
                var i = best + 1
                while i < count {
                    tokens[i] = tokens[i + 1]
                    ranks[i] = ranks[i + 1]
                    merged[i] = merged[i + 1]
                    i += 1
                }
                look(best)
                if best > 0 { look(best - 1) }
            }
            output.append(contentsOf: UnsafeBufferPointer(start: tokens, count: count))
        }
    }

    private mutating func mergeLong(_ piece: [Int32], _ table: borrowing MergeTable, _ output: inout [Int32]) {
        let count = piece.count
        tokens = piece
        previous = Array(-1..<count - 1)
        next = Array(1...count)
        var queue = self.queue ?? MergeQueue(ranks: table.count)
        defer { self.queue = queue }
        self.queue = nil  // Single owner, so that it is mutated in place.
        for left in 0..<count - 1 { consider(left, table, &queue) }
        while let (rank, left) = queue.pop() {
            let right = next[left]
            // Stale if either side has been merged since: the pair there is a different one, or none.
            guard tokens[left] >= 0, right < count else { continue }
            let merge = table.merge(tokens[left], tokens[right])
            guard merge.rank == rank else { continue }
            tokens[left] = merge.token
            tokens[right] = -1
            next[left] = next[right]
            if next[right] < count { previous[next[right]] = left }
            if previous[left] >= 0 { consider(previous[left], table, &queue) }
            consider(left, table, &queue)
        }
        for token in tokens where token >= 0 { output.append(token) }
    }

    private func consider(_ left: Int, _ table: borrowing MergeTable, _ queue: inout MergeQueue) {
        guard next[left] < tokens.count else { return }
        let merge = table.merge(tokens[left], tokens[next[left]])
        if merge.rank != .max { queue.push(rank: merge.rank, left: left) }
    }
}
