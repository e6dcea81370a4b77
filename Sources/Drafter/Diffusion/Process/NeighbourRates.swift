import SpeculateShared

/// The rates at which tokens become their neighbours: R = 3 (P − 1), P(i, j) the share of j among i's neighbours. They
/// are mutual, so that P is symmetric and all tokens are equally likely in the end; who has too few is its own.
package struct NeighbourRates: Sendable {
    /// Steps of a walk per unit of the noise level, as in training.
    private static let pace = 3.0

    package let count: Int
    private let each: Int
    /// Neighbours of token i at `i * each..<(i + 1) * each`.
    private let neighbours: [Int32]
    /// The part of the graph that each token is in: none becomes one of another part.
    private let parts: [Int]

    /// - Parameter lists: [count, K] neighbours in `0..<count`, without a `problem`.
    package init(_ lists: [Int32], count: Int) {
        self.count = count
        each = lists.count / count
        neighbours = lists
        parts = Self.parts(lists, count)
    }

    /// Why lists [count, K] are none of mutual neighbours; nil if they are.
    package static func problem(_ lists: [Int32], count: Int) -> String? {
        let each = lists.count / count
        func row(_ token: Int) -> ArraySlice<Int32> { lists[token * each..<(token + 1) * each] }
        for token in 0..<count {
            let others = row(token).filter { $0 != Int32(token) }
            let listed = "lists \(row(token).map { Int($0) }) for token \(token), expected "
            guard Set(others).count == others.count else { return listed + "no other token twice" }
            if let one = others.first(where: { !row(Int($0)).contains(Int32(token)) }) {
                return listed + "\(one) to list \(token), too"
            }
        }
        return nil
    }

    private static func parts(_ neighbours: [Int32], _ count: Int) -> [Int] {
        let each = neighbours.count / count
        var parts = [Int](repeating: -1, count: count)
        for first in parts.indices where parts[first] < 0 {
            var reached = [first]
            parts[first] = first
            while let token = reached.popLast() {
                for other in neighbours[token * each..<(token + 1) * each] where parts[Int(other)] < 0 {
                    parts[Int(other)] = first
                    reached.append(Int(other))
                }
            }
        }
        return parts
    }

    /// Replaces a vector [count] by e^(level · R) times it: the mean of Pⁿ over Poisson numbers n of mean
    /// 3 · level (uniformisation), sums of positive numbers only. O(level · K · count).
    package func spread(_ vector: UnsafeMutableBufferPointer<Float>, level: Double) {
        guard level.isFinite else { return even(vector) }
        // e^−300 is still a number.
        let times = max(1, (Self.pace * level / 300).rounded(.up))
        for _ in 0..<Int(times) { spread(vector, mean: Self.pace * level / times) }
    }

    private func spread(_ vector: UnsafeMutableBufferPointer<Float>, mean: Double) {
        // Without bounds checks: nearly all of a step's time is spent here.
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * count) { memory in
            var power = UnsafeMutableBufferPointer(rebasing: memory[..<count])
            var next = UnsafeMutableBufferPointer(rebasing: memory[count...])
            _ = power.initialize(from: vector)
            next.initialize(repeating: 0)
            var probability = exp(-mean)
            for token in 0..<count { vector[token] *= Float(probability) }
            var number = 0.0
            // A token many steps away is unlikely, but not impossible.
            while number < mean || probability > 1e-18 {
                advance(power, next)
                swap(&power, &next)
                number += 1
                probability *= mean / number
                let weight = Float(probability)
                for token in 0..<count { vector[token] += weight * power[token] }
            }
        }
    }

    /// after = P · before
    private func advance(_ before: UnsafeMutableBufferPointer<Float>, _ after: UnsafeMutableBufferPointer<Float>) {
        let share = 1 / Float(each)
        neighbours.withUnsafeBufferPointer { neighbours in
            for token in 0..<count {
                var sum: Float = 0
                for place in token * each..<(token + 1) * each { sum += before[Int(neighbours[place])] }
                after[token] = share * sum
            }
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
}
