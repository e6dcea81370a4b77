import CKernels

/// Keys and values of one sequence, all layers. Cell i holds the token at index i of the sequence. A pass writes past
/// `count` and then `commit`s; `rollback` drops rejected tokens at no cost.
///
/// Only cells that are written take memory, in pages. Stretches of SPK_STRETCH cells are stored one after the other
/// with all their layers, so that a full one can use large pages: with small ones a pass over a long sequence takes a
/// quarter longer.
package final class KVCache {
    /// Plain pointers, for the inner loops.
    struct View: BitwiseCopyable {
        /// [stretches][layers][kvHeads][keys, values][SPK_STRETCH / 16], in units of 16 cells
        var memory: UnsafeMutablePointer<UInt8>
        var format: KVCacheFormat
        var layers, kvHeads, headDimension: Int
        /// Bytes of one head's keys in a stretch, or of its values.
        var headBytes: Int

        var stretchBytes: Int { layers * kvHeads * 2 * headBytes }

        /// One head of one layer in the stretch that contains cell `cell`.
        func cells(_ layer: Int, _ head: Int, at cell: Int) -> spk_cells {
            let stretch = memory + cell / Int(SPK_STRETCH) * stretchBytes
            let keys = stretch + (layer * kvHeads + head) * 2 * headBytes
            return spk_cells(
                type: format.type, head_dim: Int32(headDimension), keys: keys, values: keys + headBytes)
        }
    }

    /// Tokens in the cache.
    package private(set) var count = 0
    /// The most tokens it can hold.
    package let capacity: Int
    let view: View
    private let arena: Arena
    /// Leading stretches that have large pages.
    private var largeStretches = 0

    /// - Parameter capacity: at most the model's context.
    package init(_ config: TransformerConfig, capacity: Int, format: KVCacheFormat = .f16) throws(OutOfMemory) {
        self.capacity = min(max(capacity, 1), config.context)
        let run = format.runBytes(headDimension: config.headDimension)
        var view = View(
            memory: UnsafeMutablePointer(bitPattern: 1)!, format: format, layers: config.layers,
            kvHeads: config.kvHeads, headDimension: config.headDimension, headBytes: run * Int(SPK_STRETCH) / 16)
        let stretches = (self.capacity - 1) / Int(SPK_STRETCH) + 1
        arena = try Arena(capacity: stretches * view.stretchBytes)
        view.memory = arena.allocate(count: stretches * view.stretchBytes)
        self.view = view
    }

    /// Memory of the tokens held, not rounded up to pages.
    package var bytes: Int { view.stretchBytes / Int(SPK_STRETCH) * count }

    /// Copies another sequence's cells up to token `count`. Both must be of the same model and begin with the same
    /// tokens. O(tokens copied).
    package func adopt(_ count: Int, of other: KVCache) {
        precondition((self.count...min(other.count, capacity)).contains(count))
        precondition(other.view.stretchBytes == view.stretchBytes)
        let run = view.headBytes * 16 / Int(SPK_STRETCH)
        // Sixteen cells are stored together; those already here have the same bits.
        var first = self.count / 16 * 16
        while first < count {
            let end = min(count, (first / Int(SPK_STRETCH) + 1) * Int(SPK_STRETCH))
            let (from, bytes) = (first % Int(SPK_STRETCH) / 16 * run, (end - first + 15) / 16 * run)
            for layer in 0..<view.layers {
                for head in 0..<view.kvHeads {
                    let (here, there) = (view.cells(layer, head, at: first), other.view.cells(layer, head, at: first))
                    (here.keys + from).update(from: there.keys + from, count: bytes)
                    (here.values + from).update(from: there.values + from, count: bytes)
                }
            }
            first = end
        }
        commit(count - self.count)
    }

    /// Call before prefilling an empty cache up to cell `end`: gives large pages to the stretches that the prompt will
    /// fill.
    package func prepare(to end: Int) {
        guard count == 0, largeStretches == 0 else { return }
        enlarge(min(end, capacity) / Int(SPK_STRETCH), holding: false)
    }

    /// Appends the next `tokens` cells, which a pass has written, to the sequence.
    func commit(_ tokens: Int) {
        precondition(count + tokens <= capacity)
        count += tokens
        enlarge(count / Int(SPK_STRETCH), holding: true)
    }

    private func enlarge(_ stretches: Int, holding isWritten: Bool) {
        guard stretches > largeStretches else { return }
        let (first, end) = (largeStretches * view.stretchBytes, stretches * view.stretchBytes)
        arena.useLargePages(first..<end, isWritten: isWritten)
        largeStretches = stretches
    }

    /// Drops all tokens from index `count` on.
    package func rollback(to count: Int) {
        precondition((0...self.count).contains(count))
        self.count = count
    }

    /// Call after a pass over a tree whose first row is in cell `base`: keeps the rows of `path` (ascending) as the
    /// tokens from `base` on, and drops the others.
    package func keep(path: [Int], from base: Int) {
        precondition(
            path.allSatisfy { $0 >= 0 && base + $0 < count } && zip(path, path.dropFirst()).allSatisfy { $0 < $1 })
        for (target, source) in path.enumerated() where target != source { copyCell(base + source, to: base + target) }
        count = base + path.count
    }

    private func copyCell(_ source: Int, to target: Int) {
        for layer in 0..<view.layers {
            for head in 0..<view.kvHeads {
                withUnsafePointer(to: view.cells(layer, head, at: source)) { from in
                    withUnsafePointer(to: view.cells(layer, head, at: target)) { to in
                        spk_copy_cell(
                            from, Int32(source % Int(SPK_STRETCH)), to, Int32(target % Int(SPK_STRETCH)))
                    }
                }
            }
        }
    }
}
