/// The rows of one pass: tokens of one or several sequences, each with its cache. Reused from pass to pass.
package final class RowBatch {
    /// The most tree rows of one sequence in a pass: the bits of a visibility mask.
    package static let maximumTreeRows = 64

    /// Which rows of a segment get logits. `likeliest`: all, but only the likeliest token is needed.
    package enum LogitRows { case none, last, all, likeliest }

    struct Row: BitwiseCopyable {
        var token: Int32
        var position: Int32
        /// Where its key and value are written.
        var cell: Int32
        /// Cells seen: all of `first..<prefix`, and `prefix + i` for every bit i of `mask`.
        var first: Int32 = 0
        var prefix: Int32
        var mask: UInt64
        var segment: Int32
    }

    struct Segment: BitwiseCopyable {
        var cache: KVCache.View
        var firstRow: Int
        var rowCount: Int
    }

    package let capacity: Int
    package private(set) var rowCount = 0
    package private(set) var logitRowCount = 0
    let rows: UnsafeMutablePointer<Row>
    package let logitRows: UnsafeMutablePointer<Int32>
    let segments: UnsafeMutablePointer<Segment>
    private(set) var segmentCount = 0
    /// Whether any row needs more than its likeliest token.
    package private(set) var needsLogits = false
    private var caches: [KVCache] = []

    package init(capacity: Int) {
        self.capacity = capacity
        rows = .allocate(capacity: capacity)
        logitRows = .allocate(capacity: capacity)
        segments = .allocate(capacity: capacity)
    }

    deinit {
        rows.deallocate()
        logitRows.deallocate()
        segments.deallocate()
    }

    package func removeAll() {
        rowCount = 0
        logitRowCount = 0
        segmentCount = 0
        needsLogits = false
        caches.removeAll(keepingCapacity: true)
    }

    /// Appends the tokens that follow the contents of `cache`, each seeing all before it.
    package func append(_ tokens: some Collection<Int32>, to cache: KVCache, logits: LogitRows) {
        begin(cache, tokens.count)
        for (offset, token) in tokens.enumerated() {
            let cell = Int32(cache.count + offset)
            add(Row(token: token, position: cell, cell: cell, prefix: cell + 1, mask: 0, segment: 0))
        }
        choose(logits, tokens.count)
    }

    /// Appends a tree of tokens after the contents of `cache`: row i follows row `parents[i]` (smaller than i), or the
    /// cached tokens if that is −1. It sees only these and its ancestors; its depth gives its position.
    package func appendTree(_ tokens: [Int32], parents: [Int], to cache: KVCache, logits: LogitRows) {
        precondition(tokens.count == parents.count && tokens.count <= Self.maximumTreeRows)
        begin(cache, tokens.count)
        let first = rowCount
        for (index, (token, parent)) in zip(tokens, parents).enumerated() {
            precondition((-1..<index).contains(parent))
            let above = parent < 0 ? nil : rows[first + parent]
            add(
                Row(
                    token: token, position: above.map { $0.position + 1 } ?? Int32(cache.count),
                    cell: Int32(cache.count + index), prefix: Int32(cache.count),
                    mask: (above?.mask ?? 0) | 1 << UInt64(index), segment: 0))
        }
        choose(logits, tokens.count)
    }

    /// Appends a block after the contents of `cache`: every row sees the whole block and the cached tokens fewer than
    /// `window` positions before it. Must not be committed: what a block leaves in the cache is scratch.
    package func appendBlock(_ tokens: UnsafeBufferPointer<Int32>, to cache: KVCache, window: Int) {
        precondition(tokens.count <= Self.maximumTreeRows)
        begin(cache, tokens.count)
        let mask = UInt64.max >> UInt64(64 - tokens.count)
        for (index, token) in tokens.enumerated() {
            let position = cache.count + index
            add(
                Row(
                    token: token, position: Int32(position), cell: Int32(position),
                    first: Int32(min(max(position - window + 1, 0), cache.count)), prefix: Int32(cache.count),
                    mask: mask,
                    segment: 0))
        }
    }

    private func begin(_ cache: KVCache, _ count: Int) {
        precondition(count > 0 && rowCount + count <= capacity, "a pass has 1 to \(capacity) rows")
        precondition(cache.count + count <= cache.capacity, "the cache holds \(cache.capacity) tokens")
        precondition(!caches.contains { $0 === cache }, "a sequence appears once in a pass")
        segments[segmentCount] = Segment(cache: cache.view, firstRow: rowCount, rowCount: count)
        segmentCount += 1
        caches.append(cache)
    }

    private func add(_ row: Row) {
        rows[rowCount] = row
        rows[rowCount].segment = Int32(segmentCount - 1)
        rowCount += 1
    }

    private func choose(_ logits: LogitRows, _ count: Int) {
        let chosen =
            switch logits {
            case .none: 0
            case .last: 1
            case .all, .likeliest: count
            }
        needsLogits = needsLogits || chosen > 0 && logits != .likeliest
        for row in rowCount - chosen..<rowCount {
            logitRows[logitRowCount] = Int32(row)
            logitRowCount += 1
        }
    }

    /// Call once the pass has written every row's cell.
    package func commit() {
        for (index, cache) in caches.enumerated() { cache.commit(segments[index].rowCount) }
    }
}
