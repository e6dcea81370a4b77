import CKernels
import SpeculateShared

/// Finds the likeliest token of every row without reading most of the head: its upper bits give a bound on every logit,
/// and only where a bound reaches a logit that some token does have is the token's own computed. The answer is the one
/// that all logits give, whatever the bounds are; how near they are decides how much is computed.
///
/// On SmolLM2-135M some 50 of 3,072 panels are left after 5 of 8 bits: 20 MB of the head are read instead of 30.
final class LikeliestSearch {
    struct Best: BitwiseCopyable {
        var logit: Float
        /// −1 for none.
        var token: Int32

        static var none: Best { Best(logit: -.infinity, token: -1) }

        /// The greatest logit, the lowest token among equals; NaN is never the greatest.
        mutating func take(_ other: Best) {
            guard other.token >= 0, !other.logit.isNaN else { return }
            if token < 0 || other.logit > logit || other.logit == logit && other.token < token { self = other }
        }
    }

    /// The most rows of a pass: with more, computing takes longer than reading and a bound is one product more.
    static let maximumRows = Int(SPK_ROW_BLOCK)

    private let head: spk_matrix
    let bound: spk_matrix
    private let kernels: UnsafePointer<spk_kernels>
    private let chunk: Int
    private let panels: Int
    private let stride: Int
    private let bounds: UnsafeMutablePointer<Float>  // [maximumRows, stride]
    private let first: UnsafeMutablePointer<Best>  // [workers, maximumRows] the greatest bounds
    private let best: UnsafeMutablePointer<Best>  // [workers, maximumRows] the greatest logits, at each first place
    private let reaching: UnsafeMutablePointer<Int32>  // [workers, panels]
    private let exact: UnsafeMutablePointer<Float>  // [workers, 16] logits of one panel
    private let arena: Arena
    private var activations = spk_activations()
    /// Workers of the last run.
    private var team = 0

    init(_ head: spk_matrix, bound: spk_matrix, kernels: UnsafePointer<spk_kernels>, workers: Int) {
        self.head = head
        self.bound = bound
        self.kernels = kernels
        chunk = max(1, (256 << 10) / bound.panel_bytes)
        panels = (Int(head.outputs) + Int(SPK_LANES) - 1) / Int(SPK_LANES)
        stride = panels * Int(SPK_LANES)
        let rows = Self.maximumRows
        let bestBytes = Arena.size(rows * MemoryLayout<Best>.stride)
        arena = Arena(
            capacity: Arena.size(rows * stride * 4) + workers * (2 * bestBytes + Arena.size(panels * 4))
                + workers * Int(SPK_LANES) * 4)
        bounds = arena.allocate(count: rows * stride)
        first = arena.allocate(count: workers * rows)
        best = arena.allocate(count: workers * rows)
        reaching = arena.allocate(count: workers * panels)
        exact = arena.allocate(count: workers * Int(SPK_LANES))
    }

    /// Bounds of all rows' logits.
    /// - Parameter activations: [rows, inputs], at most `maximumRows` rows; to stay as they are until the next pass.
    func bound(_ activations: spk_activations, rows: Int, _ worker: inout Worker) {
        let first = first + worker.index * Self.maximumRows
        if worker.index == 0 { (self.activations, team) = (activations, worker.count) }
        for row in 0..<rows { first[row] = .none }
        worker.forEachChunk(of: panels, chunk: chunk) { panels, next in
            multiply(bound, activations, rows, panels, before: next.map { bound.panel($0.lowerBound) }, bounds, stride)
            for row in 0..<rows { first[row].take(greatest(bounds + row * stride, panels)) }
        }
    }

    /// The likeliest token of a row; nil when its logit is not finite.
    func likeliest(_ row: Int, _ pool: WorkerPool) -> Int32? {
        // A logit that a token does have, most often the greatest of all.
        let promising = merged(first + row, of: team)
        guard promising.token >= 0 else { return nil }
        var known = Best.none
        compute(Int(promising.token) / Int(SPK_LANES), row, next: nil, into: &known, worker: 0)
        pool.run { worker in
            let index = worker.index
            var best = known
            let reaching = reaching + index * panels
            worker.forEachChunk(of: panels, chunk: chunk) { panels, _ in
                let count = Int(
                    kernels.pointee.panels_reaching(
                        bounds + row * stride, known.logit, Int32(panels.lowerBound), Int32(panels.upperBound), reaching))
                for place in 0..<count {
                    let next = place + 1 < count ? Int(reaching[place + 1]) : nil
                    compute(Int(reaching[place]), row, next: next, into: &best, worker: index)
                }
            }
            self.best[index * Self.maximumRows] = best
            if index == 0 { team = worker.count }
        }
        let best = merged(best, of: team)
        return best.logit.isFinite ? best.token : nil
    }

    /// A row's logits of one panel.
    private func compute(_ panel: Int, _ row: Int, next: Int?, into best: inout Best, worker: Int) {
        let lanes = Int(SPK_LANES)
        let logits = exact + worker * lanes
        var matrix = head
        matrix.data = head.panel(panel)
        multiply(matrix, activations.row(row), 1, 0..<1, before: next.map { head.panel($0) }, logits, lanes)
        let index = kernels.pointee.argmax(logits, Int32(min(lanes, Int(head.outputs) - panel * lanes)))
        best.take(Best(logit: logits[Int(index)], token: Int32(panel * lanes) + index))
    }

    private func greatest(_ bounds: UnsafePointer<Float>, _ panels: Range<Int>) -> Best {
        let start = panels.lowerBound * Int(SPK_LANES)
        let count = min(panels.upperBound * Int(SPK_LANES), Int(head.outputs)) - start
        let index = kernels.pointee.argmax(bounds + start, Int32(count))
        return Best(logit: bounds[start + Int(index)], token: Int32(start) + index)
    }

    private func multiply(
        _ matrix: spk_matrix, _ activations: spk_activations, _ rows: Int, _ panels: Range<Int>,
        before next: UnsafePointer<UInt8>?, _ output: UnsafeMutablePointer<Float>, _ stride: Int
    ) {
        withUnsafePointer(to: matrix) { matrix in
            withUnsafePointer(to: activations) { activations in
                kernels.pointee.matmul(
                    matrix, activations, Int32(rows), Int32(panels.lowerBound), Int32(panels.upperBound), next, output,
                    stride, false)
            }
        }
    }

    private func merged(_ bests: UnsafePointer<Best>, of team: Int) -> Best {
        var best = Best.none
        for worker in 0..<team { best.take(bests[worker * Self.maximumRows]) }
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
