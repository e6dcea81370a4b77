import CKernels
import SpeculateShared

/// Finds a row's likeliest token without reading the whole head. The upper bits of its weights give a bound on every
/// logit, and logits are computed only where the bound reaches a logit already known. The token is exactly the one that
/// all logits would give, however close the bounds are; their closeness only decides how much is left to compute.
///
/// With 6 of 8 bits about five of SmolLM2-135M's 3,072 panels are left: 23 MB of its head are read instead of 30. With
/// 5 bits about a hundred are left, which costs more than the bit saves. The same head as Q6_K has about seven left
/// with 5 of 6 bits and about 600 with 4; as Q4_K about 1,900 with 3 of 4: there it does not pay.
final class LikeliestSearch: PassResult.LikeliestSearching {
    private struct Best: BitwiseCopyable {
        var logit: Float
        var token: Int32

        static var none: Best { Best(logit: -.infinity, token: .max) }

        /// Keeps the greater logit, the lower token among equals; NaN is never the greater.
        mutating func take(_ other: Best) {
            if other.logit > logit || other.logit == logit && other.token < token { self = other }
        }
    }

    private static let mostRows = Int(SPK_ROW_BLOCK)
    /// The most rows of a pass. With more, multiplying takes longer than reading, and bounds are products too. The
    /// limit is lower where few bits are left out.
    var maximumRows: Int { bound.type == SPK_TOP5 ? 2 : Self.mostRows }

    private let head: spk_matrix
    let bound: spk_matrix
    private let activations: spk_activations
    private let transformer: Transformer
    /// Panels per section: what workers deal out, each with a greatest bound of its own.
    private let section: Int
    private let sections: Int
    private let panels: Int
    private let stride: Int
    private let bounds: UnsafeMutablePointer<Float>  // [mostRows, stride]
    private let greatest: UnsafeMutablePointer<Best>  // [mostRows, sections] greatest bounds
    private let reaching: UnsafeMutablePointer<Int32>  // [section]
    private let exact: UnsafeMutablePointer<Float>  // [16] logits of one panel
    private let arena: Arena

    /// - Parameter activations: the head's input of a pass, [rows, inputs].
    init(
        _ head: spk_matrix, bound: spk_matrix, _ activations: spk_activations, _ transformer: Transformer,
        in arena: Arena
    ) {
        self.arena = arena
        self.head = head
        self.bound = bound
        self.activations = activations
        self.transformer = transformer
        section = 8 * transformer.panelsPerChunk(bound)
        panels = head.panels
        sections = (panels + section - 1) / section
        stride = panels * Int(SPK_LANES)
        let rows = Self.mostRows
        bounds = arena.allocate(count: rows * stride)
        greatest = arena.allocate(count: rows * sections)
        reaching = arena.allocate(count: section)
        exact = arena.allocate(count: Int(SPK_LANES))
    }

    /// Computes bounds of the logits of rows 0 to `rows` − 1, at most `maximumRows`.
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

    /// The likeliest token of a row, the lowest among equals; nil if its logit is not finite.
    package func likeliest(_ row: Int) -> Int32? {
        let greatest = UnsafeBufferPointer(start: greatest + row * sections, count: sections)
        var promising = Best.none
        for bound in greatest { promising.take(bound) }
        guard promising.token < head.outputs else { return nil }
        // A logit of some token, usually the greatest of all.
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

    package func bounds(_ row: Int) -> UnsafePointer<Float> { UnsafePointer(bounds + row * stride) }

    /// The greatest of a row's logits in one panel.
    private func logits(_ panel: Int, _ row: Int, next: Int?) -> Best {
        transformer.multiply(
            head.from(panel: panel), activations.from(row: row), 1, 0..<1, before: next.map { head.panel($0) },
            into: exact,
            stride: Int(SPK_LANES))
        return best(exact, panel..<panel + 1)
    }

    /// The greatest value of some panels, not counting the last one's padding.
    /// - Parameter values: a row's, from the first of the panels on.
    private func best(_ values: UnsafePointer<Float>, _ panels: Range<Int>) -> Best {
        let first = panels.lowerBound * Int(SPK_LANES)
        let count = min(panels.count * Int(SPK_LANES), Int(head.outputs) - first)
        let index = Int(transformer.kernels.table.pointee.argmax(values, Int32(count)))
        return Best(logit: values[index], token: Int32(first + index))
    }
}
