import SpeculateShared

/// The rates at which tokens become their neighbours: R = (G + Gᵀ)/(2K), less its row sums on the diagonal, where
/// G(i, j) = 1 if j is one of i's K neighbours. It is symmetric, so that all tokens are equally likely in the end.
package struct NeighbourRates: Sendable {
    package let count: Int
    /// Neighbours of token i, both ways, at `starts[i]..<starts[i + 1]`, and how fast it becomes each.
    private let starts: [Int]
    private let neighbours: [Int32]
    private let rates: [Float]
    /// The greatest rate at which a token becomes another, and each one's chance to stay at an event of that rate.
    private let fastest: Float
    private let staying: [Float]
    /// The part of the graph that each token is in: none becomes one of another part.
    private let parts: [Int]

    /// - Parameter lists: [count, K] neighbours in `0..<count`, of each token none twice and not itself.
    package init(_ lists: [Int32], count: Int) {
        let each = lists.count / count
        var rows = [[Int32: Int]](repeating: [:], count: count)
        for (place, other) in lists.enumerated() {
            let token = place / each
            rows[token][other, default: 0] += 1
            rows[Int(other)][Int32(token), default: 0] += 1
        }
        var starts = [0]
        var neighbours: [Int32] = []
        var rates: [Float] = []
        var leaving: [Float] = []
        for row in rows {
            for (other, times) in row.sorted(by: { $0.key < $1.key }) {
                neighbours.append(other)
                rates.append(Float(times) / Float(2 * each))
            }
            leaving.append(rates[starts[starts.count - 1]...].reduce(0, +))
            starts.append(neighbours.count)
        }
        let fastest = leaving.max() ?? 0
        self.count = count
        self.starts = starts
        self.neighbours = neighbours
        self.rates = rates.map { $0 / fastest }
        self.fastest = fastest
        staying = leaving.map { 1 - $0 / fastest }
        parts = Self.parts(starts, neighbours)
    }

    private static func parts(_ starts: [Int], _ neighbours: [Int32]) -> [Int] {
        var parts = [Int](repeating: -1, count: starts.count - 1)
        for first in parts.indices where parts[first] < 0 {
            var reached = [first]
            parts[first] = first
            while let token = reached.popLast() {
                for other in neighbours[starts[token]..<starts[token + 1]] where parts[Int(other)] < 0 {
                    parts[Int(other)] = first
                    reached.append(Int(other))
                }
            }
        }
        return parts
    }

    /// Replaces a vector [count] by e^(level · R) times it. With P = 1 + R/λ, λ the fastest rate, that is the mean of Pⁿ over
    /// Poisson numbers n of mean λ · level (uniformisation): sums of positive numbers only. O(λ · level · K · count).
    package func spread(_ vector: UnsafeMutableBufferPointer<Float>, level: Double) {
        guard level.isFinite else { return even(vector) }
        // e^−300 is still a number.
        let parts = max(1, (Double(fastest) * level / 300).rounded(.up))
        for _ in 0..<Int(parts) { spread(vector, mean: Double(fastest) * level / parts) }
    }

    private func spread(_ vector: UnsafeMutableBufferPointer<Float>, mean: Double) {
        var power = Array(vector)
        var next = power
        var probability = exp(-mean)
        for token in 0..<count { vector[token] *= Float(probability) }
        var number = 0.0
        // A token many steps away is unlikely, but not impossible.
        while number < mean || probability > 1e-18 {
            advance(power, &next)
            swap(&power, &next)
            number += 1
            probability *= mean / number
            let weight = Float(probability)
            for token in 0..<count { vector[token] += weight * power[token] }
        }
    }

    /// What is left in the end: each part's mass, evenly over it.
    private func even(_ vector: UnsafeMutableBufferPointer<Float>) {
        var sums = [Double](repeating: 0, count: count)
        var sizes = [Int](repeating: 0, count: count)
        for token in 0..<count {
            sums[parts[token]] += Double(vector[token])
            sizes[parts[token]] += 1
        }
        for token in 0..<count { vector[token] = Float(sums[parts[token]] / Double(sizes[parts[token]])) }
    }

    /// after = P · before
    private func advance(_ before: [Float], _ after: inout [Float]) {
        // Without bounds checks: nearly all of a step's time is spent here.
        before.withUnsafeBufferPointer { before in
            after.withUnsafeMutableBufferPointer { after in
                starts.withUnsafeBufferPointer { starts in
                    neighbours.withUnsafeBufferPointer { neighbours in
                        rates.withUnsafeBufferPointer { rates in
                            for token in 0..<count {
                                var sum = staying[token] * before[token]
                                for place in starts[token]..<starts[token + 1] {
                                    sum += rates[place] * before[Int(neighbours[place])]
                                }
                                after[token] = sum
                            }
                        }
                    }
                }
            }
        }
    }
}
