import CKernels
import SpeculateShared

/// Finds a row's likeliest token without reading all of the head: its weights' upper bits give a bound on every logit, and
/// logits are computed only where a bound reaches one that some token does have. The token is the one that all logits
/// would give, to the last bit and however near the bounds are; how near decides how much is left to compute.
///
/// With 6 of 8 bits some five of SmolLM2-135M's 3,072 panels are left: 23 MB of its head are read, not 30. With 5 bits some
/// hundred are, which costs more than the bit. The same head as Q6_K has some seven left with 5 of 6 bits, some 600 with 4;
/// as Q4_K some 1,900 with 3 of 4: there it does not pay.
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

    private static let mostRows = Int(SPK_ROW_BLOCK)
    /// The most rows of a pass: with more, products take longer than reading, and bounds are products too. Where little is
    /// left out, that is soon.
    var maximumRows: Int { bound.type == SPK_TOP5 ? 2 : Self.mostRows }

    private let head: spk_matrix
    let bound: spk_matrix
    private let activations: spk_activations
    private let transformer: Transformer
    /// Panels of a section: what workers deal out, and what has a greatest bound of its own.
    private let section: Int
    private let sections: Int
    private let panels: Int
    private let stride: Int
    private let bounds: UnsafeMutablePointer<Float>  // [mostRows, stride]
    private let greatest: UnsafeMutablePointer<Best>  // [mostRows, sections] of the bounds
    private let reaching: UnsafeMutablePointer<Int32>  // [section]
    private let exact: UnsafeMutablePointer<Float>  // [16] logits of one panel
    private let arena: Arena

    /// - Parameter activations: what a pass leaves for the head, [rows, inputs].
    init(_ head: spk_matrix, bound: spk_matrix, _ activations: spk_activations, _ transformer: Transformer)
        throws(OutOfMemory)
    {
        self.head = head
        self.bound = bound
        self.activations = activations
        self.transformer = transformer
        section = 8 * transformer.panelsPerChunk(bound)
        panels = head.panels
        sections = (panels + section - 1) / section
        stride = panels * Int(SPK_LANES)
        let rows = Self.mostRows
        arena = try Arena(
            capacity: Arena.size(rows * stride * 4) + Arena.size(rows * sections * MemoryLayout<Best>.stride)
                + Arena.size(section * 4) + Arena.size(Int(SPK_LANES) * 4))
        bounds = arena.allocate(count: rows * stride)
        greatest = arena.allocate(count: rows * sections)
        reaching = arena.allocate(count: section)
        exact = arena.allocate(count: Int(SPK_LANES))
    }

    /// Bounds of the logits of rows 0 to `rows` − 1, at most `maximumRows`.
    func bound(rows: Int, _ worker: inout Worker) {
        worker.forEachChunk(of: panels, chunk: section) { panels, next in
            transformer.multiply(
                bound, activations, rows, panels, before: next.map { bound.panel($0.lowerBound) }, into: bounds,
                stride: stride)
            for row in 0..<rows {
                for first in Swift.stride(from: panels.lowerBound, to: panels.upperBound, by: section) {
                    let part = first..<min(first + section, panels.upperBound)
                    greatest[row * sections + first / section] = best(
                        bounds + row * stride + first * Int(SPK_LANES), part)
                }
            }
        }
    }

    /// The likeliest token of a row, the lowest of equals; nil when its logit is not finite.
    func likeliest(_ row: Int) -> Int32? {
        let greatest = UnsafeBufferPointer(start: greatest + row * sections, count: sections)
        var promising = Best.none
        for bound in greatest { promising.take(bound) }
        guard promising.token < head.outputs else { return nil }
        // A logit that some token does have, most often the greatest of all.
        var best = Best.none
        best.take(logits(Int(promising.token) / Int(SPK_LANES), row, next: nil))
        let threshold = best.logit
        for place in 0..<sections where !(greatest[place].logit < threshold) {
            let first = place * section
            let count = Int(
                transformer.kernels.table.pointee.panels_reaching(
                    bounds + row * stride, threshold, Int32(first), Int32(min(first + section, panels)), reaching))
            for index in 0..<count {
                let next = index + 1 < count ? Int(reaching[index + 1]) : nil
                best.take(logits(Int(reaching[index]), row, next: next))
            }
        }
        return best.logit.isFinite ? best.token : nil
    }

    /// The greatest of a row's logits in one panel.
    private func logits(_ panel: Int, _ row: Int, next: Int?) -> Best {
        transformer.multiply(
            head.from(panel: panel), activations.from(row: row), 1, 0..<1, before: next.map { head.panel($0) },
            into: exact,
            stride: Int(SPK_LANES))
        return best(exact, panel..<panel + 1)
    }

    /// The greatest value of some panels, without what pads the last.
    /// - Parameter values: those of a row from the first of the panels on.
    private func best(_ values: UnsafePointer<Float>, _ panels: Range<Int>) -> Best {
        let first = panels.lowerBound * Int(SPK_LANES)
        let count = min(panels.count * Int(SPK_LANES), Int(head.outputs) - first)
        let index = Int(transformer.kernels.table.pointee.argmax(values, Int32(count)))
        return Best(logit: values[index], token: Int32(first + index))
    }
}
