/// One draw from weights by inversion, exact for any number of them: all sums are in double precision, so that the
/// probability of a draw is its weight over the total to about 1e-16. Whatever rounding leaves over goes to the last
/// token that has a weight.
package enum Inversion {
    /// - Parameters:
    ///   - weights: non-negative, at least one positive.
    ///   - uniform: in [0, 1).
    /// - Returns: the index whose share of [0, 1) contains the number, and the sum of all weights.
    package static func draw(_ weights: UnsafeBufferPointer<Float>, _ uniform: Double) -> (index: Int, total: Double) {
        var total = 0.0
        for weight in weights { total += Double(weight) }
        let target = uniform * total
        var cumulative = 0.0
        var last = 0
        for (index, weight) in weights.enumerated() where weight > 0 {
            last = index
            cumulative += Double(weight)
            if cumulative > target { break }
        }
        return (last, total)
    }
}
