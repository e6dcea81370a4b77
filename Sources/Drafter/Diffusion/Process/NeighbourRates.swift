import SpeculateShared

/// The rates at which tokens become their neighbours: R = (G + Gᵀ)/(2K), less its row sums on the diagonal, where
/// G(i, j) = 1 if j is one of i's K neighbours. It is symmetric, so that all tokens are equally likely in the end.
package struct NeighbourRates: Sendable {
    /// Real graphs have 70: the time of a step grows with it.
    private static let greatestRate: Float = 256

    package let count: Int
    /// Neighbours of token i at `starts[i]..<starts[i + 1]`, those both ways twice.
    private let starts: [Int]
    private let neighbours: [Int32]
    /// The greatest rate at which a token becomes another and its token; at an event of that rate, each token's chance
    /// to stay, and that to become what one of its entries names.
    private let fastest: Float
    private let hub: Int
    private let staying: [Float]
    private let leaving: Float
    /// The part of the graph that each token is in: none becomes one of another part.
    private let parts: [Int]

    /// - Parameter lists: [count, K] neighbours in `0..<count`, of each token none twice and not itself.
    package init(_ lists: [Int32], count: Int) {
        let each = lists.count / count
        var starts = [Int](repeating: 0, count: count + 1)
        for (place, other) in lists.enumerated() {
            starts[place / each + 1] += 1
            starts[Int(other) + 1] += 1
        }
        for token in 0..<count { starts[token + 1] += starts[token] }
        var ends = starts
        var neighbours = [Int32](repeating: 0, count: 2 * lists.count)
        func link(_ token: Int, _ other: Int) {
            neighbours[ends[token]] = Int32(other)
            ends[token] += 1
        }
        for (place, other) in lists.enumerated() {
            link(place / each, Int(other))
            link(Int(other), place / each)
        }
        let degrees = (0..<count).map { starts[$0 + 1] - starts[$0] }
        let most = degrees.max() ?? 0
        self.count = count
        self.starts = starts
        self.neighbours = neighbours
        fastest = Float(most) / Float(2 * each)
        hub = degrees.firstIndex(of: most) ?? 0
        staying = degrees.map { 1 - Float($0) / Float(most) }
        leaving = 1 / Float(most)
        parts = Self.parts(starts, neighbours)
    }

    /// Why the graph is not worth its time; nil if it is.
    package var problem: String? {
        guard fastest > Self.greatestRate else { return nil }
        return "has token \(hub) become others at a rate of \(fastest), expected at most \(Self.greatestRate)"
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

    /// Replaces a vector [count] by e^(level · R) times it. With P = 1 + R/λ, λ the fastest rate, that is the mean of
    /// Pⁿ over Poisson numbers n of mean λ · level (uniformisation): sums of positive numbers only.
    /// O(λ · level · K · count).
    package func spread(_ vector: UnsafeMutableBufferPointer<Float>, level: Double) {
        guard level.isFinite else { return even(vector) }
        // e^−300 is still a number.
        let times = max(1, (Double(fastest) * level / 300).rounded(.up))
        for _ in 0..<Int(times) { spread(vector, mean: Double(fastest) * level / times) }
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
                        for token in 0..<count {
                            var sum: Float = 0
                            for place in starts[token]..<starts[token + 1] { sum += before[Int(neighbours[place])] }
                            after[token] = staying[token] * before[token] + leaving * sum
                        }
                    }
                }
            }
        }
    }
}
