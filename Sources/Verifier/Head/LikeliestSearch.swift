import CKernels
import SpeculateShared

/// Finds a row's likeliest token without reading all of the head: its weights' upper bits give a bound on every logit, and
/// logits are computed only where a bound reaches one that some token does have. The token is the one that all logits
/// would give, to the last bit and however near the bounds are; how near decides how much is left to compute.
///
/// With 6 of 8 bits some four of SmolLM2-135M's 3,072 panels are left: 23 MB of its head are read, not 30. With 5 bits some
/// hundred are, which costs more than the bit.
final class LikeliestSearch {
    private struct Best: BitwiseCopyable {
        var logit: Float
        var token: Int32

        static var none: Best { Best(logit: -.infinity, token: .max) }

        /// The greatest logit, the lowest token among equals; NaN is never the greatest.
        mutating func take(_ other: Best) {
            if other.logit > logit || other.logit == logit && other.token < token { self = other }
        }
    }

    /// The most rows of a pass: with more, products take longer than reading, and bounds are products too.
    static let maximumRows = Int(SPK_ROW_BLOCK)

    private let head: spk_matrix
    let bound: spk_matrix
    private let activations: spk_activations
    private let transformer: Transformer
    private let chunk: Int
    private let panels: Int
    private let stride: Int
    private let workers: Int
    private let bounds: UnsafeMutablePointer<Float>  // [maximumRows, stride]
    private let greatest: UnsafeMutablePointer<Best>  // [workers, maximumRows] of the bounds
    private let best: UnsafeMutablePointer<Best>  // [workers, maximumRows] of a row's logits, at the first place
    private let reaching: UnsafeMutablePointer<Int32>  // [workers, panels]
    private let exact: UnsafeMutablePointer<Float>  // [workers, 16] logits of one panel
    private let arena: Arena

    /// - Parameter activations: what a pass leaves for the head, [rows, inputs].
    init(
        _ head: spk_matrix, bound: spk_matrix, _ activations: spk_activations, _ transformer: Transformer, workers: Int
    ) {
        self.head = head
        self.bound = bound
        self.activations = activations
        self.transformer = transformer
        self.workers = workers
        chunk = 8 * transformer.panelsPerChunk(bound)
        panels = head.panels
        stride = panels * Int(SPK_LANES)
        let rows = Self.maximumRows
        let bestBytes = Arena.size(rows * MemoryLayout<Best>.stride)
        arena = Arena(
            capacity: Arena.size(rows * stride * 4) + workers * (2 * bestBytes + Arena.size(panels * 4))
                + workers * Int(SPK_LANES) * 4)
        bounds = arena.allocate(count: rows * stride)
        greatest = arena.allocate(count: workers * rows)
        best = arena.allocate(count: workers * rows)
        reaching = arena.allocate(count: workers * panels)
        exact = arena.allocate(count: workers * Int(SPK_LANES))
    }

    /// Before `bound`, on the thread that runs the pool: a worker that takes no part leaves nothing of an earlier pass.
    func begin() {
        greatest.update(repeating: .none, count: workers * Self.maximumRows)
    }

    /// Bounds of the logits of rows 0 to `rows` − 1, at most `maximumRows`.
    func bound(rows: Int, _ worker: inout Worker) {
        let greatest = greatest + worker.index * Self.maximumRows
        worker.forEachChunk(of: panels, chunk: chunk) { panels, next in
            transformer.multiply(
                bound, activations, rows, panels, before: next.map { bound.panel($0.lowerBound) }, into: bounds,
                stride: stride)
            let first = panels.lowerBound * Int(SPK_LANES)
            for row in 0..<rows { take(bounds + row * stride + first, panels, into: &greatest[row]) }
        }
    }

    /// The likeliest token of a row, the lowest of equals; nil when its logit is not finite.
    func likeliest(_ row: Int, _ pool: WorkerPool) -> Int32? {
        let promising = merged(greatest + row).token
        guard promising < head.outputs else { return nil }
        best.update(repeating: .none, count: workers * Self.maximumRows)
        // A logit that some token does have, most often the greatest of all.
        compute(Int(promising) / Int(SPK_LANES), row, next: nil, into: &best[0], worker: 0)
        let threshold = best[0].logit
        pool.run { worker in
            let index = worker.index
            let reaching = reaching + index * panels
            worker.forEachChunk(of: panels, chunk: chunk) { panels, _ in
                let count = transformer.kernels.table.pointee.panels_reaching(
                    bounds + row * stride, threshold, Int32(panels.lowerBound), Int32(panels.upperBound), reaching)
                for place in 0..<Int(count) {
                    compute(
                        Int(reaching[place]), row, next: place + 1 < count ? Int(reaching[place + 1]) : nil,
                        into: &best[index * Self.maximumRows], worker: index)
                }
            }
        }
        let found = merged(best)
        return found.logit.isFinite ? found.token : nil
    }

    /// A row's logits of one panel.
    private func compute(_ panel: Int, _ row: Int, next: Int?, into best: inout Best, worker: Int) {
        let logits = exact + worker * Int(SPK_LANES)
        var matrix = head
        matrix.data = head.panel(panel)
        transformer.multiply(
            matrix, activations.row(row), 1, 0..<1, before: next.map { head.panel($0) }, into: logits,
            stride: Int(SPK_LANES))
        take(logits, panel..<panel + 1, into: &best)
    }

    /// Takes the greatest value of some panels, without what pads the last.
    /// - Parameter values: those of a row from the first of the panels on.
    private func take(_ values: UnsafePointer<Float>, _ panels: Range<Int>, into best: inout Best) {
        let first = panels.lowerBound * Int(SPK_LANES)
        let count = min(panels.count * Int(SPK_LANES), Int(head.outputs) - first)
        let index = Int(transformer.kernels.table.pointee.argmax(values, Int32(count)))
        best.take(Best(logit: values[index], token: Int32(first + index)))
    }

    /// Over all workers.
    private func merged(_ bests: UnsafePointer<Best>) -> Best {
        var best = Best.none
        for worker in 0..<workers { best.take(bests[worker * Self.maximumRows]) }
        return best
    }
}

extension spk_activations {
    /// One of the first `SPK_ROW_BLOCK` rows, as the first.
    fileprivate func row(_ row: Int) -> spk_activations {
        var one = self
        one.q += row * Int(SPK_GROUP)
        one.scale += row
        one.sum += row
        if let half_sum { one.half_sum = half_sum + 2 * row }
        if let offset { one.offset = offset + row }
        if let rise { one.rise = rise + row }
        if let values { one.values = values + row * Int(inputs) }
        return one
    }
}
