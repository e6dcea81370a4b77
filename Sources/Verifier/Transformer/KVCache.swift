import CKernels
import SpeculateShared

/// Keys and values of one sequence, all layers, as 16-bit floats. Cell i holds the token at index i of the sequence.
/// A pass writes past `count` and `commit`s; `rollback` forgets what was not kept, at no cost.
package final class KVCache {
    /// Plain pointers, for the inner loops.
    struct View: BitwiseCopyable {
        /// [layers][kvHeads][capacity / 16][headDimension][16]
        var keys: UnsafeMutablePointer<UInt16>
        /// [layers][kvHeads][capacity][headDimension]
        var values: UnsafeMutablePointer<UInt16>
        var kvHeads: Int
        /// Numbers of one head of one layer.
        var stride: Int

        func keys(_ layer: Int, _ head: Int) -> UnsafeMutablePointer<UInt16> {
            keys + (layer * kvHeads + head) * stride
        }
        func values(_ layer: Int, _ head: Int) -> UnsafeMutablePointer<UInt16> {
            values + (layer * kvHeads + head) * stride
        }
    }

    /// Tokens that the cache holds.
    package private(set) var count = 0
    /// Tokens that it can hold.
    package let capacity: Int
    let view: View
    private let arena: Arena
    private let layers: Int
    private let headDimension: Int

    /// - Parameter capacity: at most the model's context. Memory is taken only for cells that are written.
    package init(_ config: TransformerConfig, capacity: Int) throws(OutOfMemory) {
        self.capacity = min(max(capacity, 1), config.context)
        layers = config.layers
        headDimension = config.headDimension
        let cells = (self.capacity + 15) / 16 * 16
        let stride = cells * config.headDimension
        let numbers = config.layers * config.kvHeads * stride
        arena = try Arena(capacity: 2 * Arena.size(numbers * 2))
        view = View(
            keys: arena.allocate(count: numbers), values: arena.allocate(count: numbers), kvHeads: config.kvHeads,
            stride: stride)
    }

    /// Memory that the tokens held take.
    package var bytes: Int { 2 * MemoryLayout<UInt16>.stride * layers * view.kvHeads * headDimension * count }

    /// Goes on with what another sequence of the same model, which began with the same tokens, holds up to token `count`.
    /// O(tokens copied).
    package func adopt(_ count: Int, of other: KVCache) {
        precondition((self.count...min(other.count, capacity)).contains(count) && other.layers == layers)
        // Sixteen keys stand together; those of them that are here already are the same bits.
        let first = self.count / 16 * 16
        let (from, keys) = (first * headDimension, ((count + 15) / 16 * 16 - first) * headDimension)
        for head in 0..<layers * view.kvHeads {
            let (here, there) = (head * view.stride + from, head * other.view.stride + from)
            (view.keys + here).update(from: other.view.keys + there, count: keys)
            (view.values + here).update(from: other.view.values + there, count: (count - first) * headDimension)
        }
        self.count = count
    }

    /// Makes the next `tokens` cells, written by a pass, part of the sequence.
    func commit(_ tokens: Int) {
        precondition(count + tokens <= capacity)
        count += tokens
    }

    /// Forgets all tokens from index `count` on.
    package func rollback(to count: Int) {
        precondition((0...self.count).contains(count))
        self.count = count
    }

    /// After a pass over a tree whose first row is in cell `base`: keeps the rows of `path` (rising), which become the
    /// tokens from `base` on, and forgets the others.
    package func keep(path: [Int], from base: Int) {
        precondition(
            path.allSatisfy { $0 >= 0 && base + $0 < count } && zip(path, path.dropFirst()).allSatisfy { $0 < $1 })
        for (target, source) in path.enumerated() where target != source { copyCell(base + source, to: base + target) }
        count = base + path.count
    }

    private func copyCell(_ source: Int, to target: Int) {
        let dimension = headDimension
        for head in 0..<layers * view.kvHeads {
            let values = view.values + head * view.stride
            (values + target * dimension).update(from: values + source * dimension, count: dimension)
            let keys = view.keys + head * view.stride
            let from = keys + source / 16 * dimension * 16 + source % 16
            let to = keys + target / 16 * dimension * 16 + target % 16
            for d in 0..<dimension { to[d * 16] = from[d * 16] }
        }
    }
}
