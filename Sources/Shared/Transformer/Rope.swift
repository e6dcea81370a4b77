/// How positions are rotated into queries and keys (Su et al., "RoFormer", 2021).
package struct Rope: Equatable, Sendable {
    /// Which pairs of a head's dimensions turn together.
    package enum Order: Sendable {
        /// Neighbours, (2i, 2i + 1): llama files store queries and keys permuted for it.
        case interleaved
        /// Halves, (i, i + d/2): the NeoX order.
        case halves
    }

    /// YaRN (Peng et al. 2023): positions are divided by the scale for slow pairs, as they are for fast ones, and in
    /// between by a ramp.
    package struct Yarn: Equatable, Sendable {
        /// Positions that the model was trained with first.
        package var original: Int
        /// Turns over those positions above which a pair is fast, and below which it is slow.
        package var fast: Float
        package var slow: Float

        package init(original: Int, fast: Float = 32, slow: Float = 1) {
            self.original = original
            self.fast = fast
            self.slow = slow
        }
    }

    package var base: Float
    /// Leading dimensions of a head that are rotated.
    package var dimensions: Int
    /// Positions are divided by this (linear scaling); 1 is none.
    package var scale: Float = 1
    package var yarn: Yarn?
    /// What cosines and sines are multiplied with.
    package var magnitude: Float = 1
    package var order: Order

    var isInterleaved: Bool { order == .interleaved }

    /// Radians per position of pair `i`.
    func frequency(_ i: Int) -> Double {
        let frequency = pow(Double(base), -2 * Double(i) / Double(dimensions))
        guard let yarn else { return frequency / Double(scale) }
        let first = max(pair(turning: yarn.fast, yarn).rounded(.down), 0)
        let last = min(pair(turning: yarn.slow, yarn).rounded(.up), Double(dimensions - 1))
        let slowness = min(max((Double(i) - first) / max(last - first, 0.001), 0), 1)
        return frequency * (1 - slowness) + frequency / Double(scale) * slowness
    }

    /// The pair that makes so many turns over the original positions.
    private func pair(turning turns: Float, _ yarn: Yarn) -> Double {
        Double(dimensions) * log(Double(yarn.original) / (Double(turns) * 2 * .pi)) / (2 * log(Double(base)))
    }
}
